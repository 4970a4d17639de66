// QoS 2 events over one connection: how many may be under way, and when what an earlier one has left is released.
import { strict as assert } from "node:assert";
import { connectAsync, type MqttClient } from "mqtt";
import { PacketIdentifiers } from "../../nodes/connection/packet-identifiers";
import { QoS2Exchanges } from "../../nodes/connection/qos-2";
import { ScriptedBroker, stopBrokers } from "../support/scripted-broker";

/** The identifiers of events that go once the broker has received one. */
const ALL = Array.from({ length: 32 }, (_, index) => index + 1);
const clients: MqttClient[] = [];

afterEach(stopBrokers);

/** Exchanges with a broker that answers when it is told to, over a connection that follows `before`. */
async function scene({ releases = true, before = new PacketIdentifiers(undefined, () => 0) } = {}) {
  const broker = await ScriptedBroker.start(({ cmd }) => cmd !== "connect");
  const identifiers = new PacketIdentifiers(before);
  const options = { reconnectPeriod: 0, messageIdProvider: identifiers };
  const client = await connectAsync(broker.url, options);
  clients.push(client);
  const told: string[] = [];
  const advanced = () => told.push("advanced");
  const answeredAtQoS1 = () => told.push("QoS 1 only");
  const exchanges = new QoS2Exchanges(client, identifiers, { releases, advanced, answeredAtQoS1 });
  const publish = (topic: string) => {
    const event = { topic, payload: "{}", qos: 2, done: () => undefined, removed: false } as const;
    exchanges.publish(event, (error) => told.push(`${topic} ${error ? "failed" : "done"}`));
    return client.getLastMessageId();
  };
  const answer = async (cmd: "puback" | "pubrec" | "pubcomp", messageId: number) => {
    broker.send({ cmd, messageId });
    await new Promise((resolve) => client.once("packetreceive", resolve));
  };
  /** The identifiers of the PUBRELs that have gone out since the last call. */
  const released = async () => {
    client.sendPing();
    await broker.packet(({ cmd }) => cmd === "pingreq");
    const packets = broker.packets.splice(0);
    return packets.filter(({ cmd }) => cmd === "pubrel").map(({ messageId }) => messageId);
  };
  return { broker, client, identifiers, exchanges, told, publish, answer, released };
}

describe("QoS 2 events", () => {
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.endAsync(true))));

  it("begin with one alone; more may be under way once the broker has received it", async () => {
    const { exchanges, publish, answer } = await scene();
    assert.equal(exchanges.room(16), 1);
    const first = publish("a");
    await answer("pubrec", first + 1);
    assert.equal(exchanges.room(16), 0);
    await answer("pubrec", first);
    assert.equal(exchanges.room(16), 15);
  });

  it("are done after all four steps, not before", async () => {
    const { broker, exchanges, told, publish, answer, released } = await scene({ releases: false });
    const identifier = publish("a");
    await broker.packet((packet) => packet.cmd === "publish" && packet.qos === 2);
    await answer("pubrec", identifier);
    assert.deepEqual(await released(), [identifier]);
    assert.deepEqual([exchanges.hasCompleted, ...told], [false, "advanced"]);
    await answer("pubcomp", identifier);
    assert.deepEqual([exchanges.hasCompleted, ...told], [true, "advanced", "a done"]);
    assert.equal(exchanges.room(16), 16);
  });

  it("make progress when the broker receives the next one, not a later one or one again", async () => {
    const { told, publish, answer } = await scene();
    const first = publish("a");
    await answer("pubrec", first);
    const [second, third] = [publish("b"), publish("c")];
    for (const identifier of [third, first]) await answer("pubrec", identifier);
    assert.deepEqual(told, ["advanced"]);
    await answer("pubrec", second);
    assert.deepEqual(told, ["advanced", "advanced"]);
  });

  it("show a broker that does QoS 1 only by its PUBACK; that of a QoS 1 event shows nothing", async () => {
    const { client, told, publish, answer } = await scene();
    const identifier = publish("a");
    client.publish("b", "{}", { qos: 1 }, () => told.push("b done"));
    await answer("puback", client.getLastMessageId());
    await answer("puback", identifier);
    assert.deepEqual(told.splice(0), ["b done", "QoS 1 only", "a done"]);
    await answer("pubrec", publish("c"));
    assert.deepEqual(told, ["advanced"]);
  });

  it("release what earlier connections may have left, once the broker has received one, and only then", async () => {
    const one = await scene({ releases: false });
    const done = one.publish("done");
    for (const step of ["pubrec", "pubcomp"] as const) await one.answer(step, done);
    const two = await scene({ before: one.identifiers });
    const left = two.publish("left");
    await two.client.endAsync(true);
    assert.deepEqual(two.told, ["left failed"]);
    const { exchanges, ...three } = await scene({ before: two.identifiers });
    const first = three.publish("a");
    three.client.publish("at QoS 1", "{}", { qos: 1 });
    assert.deepEqual([exchanges.isReleaseUnanswered, ...(await three.released())], [false]);
    await three.answer("pubrec", first);
    assert.equal(exchanges.isReleaseUnanswered, true);
    assert.deepEqual(await three.released(), [left, ...ALL, first]);
    await three.answer("pubrec", three.publish("b"));
    assert.deepEqual(await three.released(), [1]);
  });

  it("release it under numbers of their own: the broker's answer to that is not taken for theirs", async () => {
    const { exchanges, told, publish, answer } = await scene();
    await answer("pubrec", publish("a"));
    assert.equal(publish("b"), 1);
    await answer("pubcomp", 1);
    assert.deepEqual([exchanges.isReleaseUnanswered, exchanges.hasCompleted], [false, false]);
    for (const step of ["pubrec", "pubcomp"] as const) await answer(step, 1);
    assert.deepEqual(told, ["advanced", "advanced", "b done"]);
  });
});
