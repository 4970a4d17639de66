// What becomes of a message that has come in: who gets it and when, and whether the broker sends it again.
import { strict as assert } from "node:assert";
import { mock } from "node:test";
import type { IPublishPacket } from "mqtt";
import { Receiver } from "../../nodes/connection/receiver";
import { UnreleasedMessages } from "../../nodes/connection/unreleased-messages";
import { type ReceivedMessage, Subscriptions } from "../../nodes/subscriptions/subscriptions";
import { deviceRequest } from "../support/subscribers";

function packet(payload: string | Buffer, topic = "1/p/u/pump/event"): IPublishPacket {
  return { cmd: "publish", topic, payload, qos: 2, dup: false, retain: false };
}

/** A receiver with one subscriber, for the events of a pump, and what happens in order. */
function scene() {
  const log: string[] = [];
  const messages: ReceivedMessage[] = [];
  const subscriptions = new Subscriptions({ projectMqtt: "p", userMqtt: "u" });
  const receive = (message: ReceivedMessage) => {
    messages.push(message);
    log.push(`${message.payload} delivered`);
  };
  subscriptions.add({ request: deviceRequest("pump"), receive, refused: () => undefined });
  const unreleased = new UnreleasedMessages();
  const connection = { isClosing: false };
  const receiver = new Receiver(subscriptions, unreleased, {
    takesMessages: () => !connection.isClosing,
    synchronise: () => log.push("filter given up"),
    unexpectedTopic: ({ code, details }, { payload }) =>
      log.push(`${payload} ${code} ${details.topic}`),
  });
  const comes = (payload: string, topic?: string) => {
    const acknowledge = (error?: Error) => log.push(`${payload} ${error ? "left" : "taken"}`);
    receiver.receive(packet(payload, topic), acknowledge);
  };
  return { log, messages, unreleased, connection, receiver, comes };
}

describe("a message", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("arrives as it was sent, in bytes, also where it was read as text", () => {
    const { messages, receiver } = scene();
    const payloads = ["ü", Buffer.from([0, 255])];
    for (const payload of payloads) receiver.receive(packet(payload), () => undefined);
    // Whoever was there before a retained message has had it.
    receiver.receive({ ...packet("a"), retain: true }, () => undefined);
    const received = messages.map(({ payload, qos }) => ({ payload, qos }));
    const sent = payloads.map((payload) => ({ payload: Buffer.from(payload), qos: 2 }));
    assert.deepEqual(received, sent);
  });

  it("for nobody is taken all the same: its filter is given up, or the start of its topic told", () => {
    const { log, comes } = scene();
    comes("a", "1/p/u/other/event");
    assert.deepEqual(log.splice(0), ["filter given up", "a taken"]);
    comes("b", "x".repeat(200));
    assert.deepEqual(log, [`b ADDRESS_UNKNOWN ${"x".repeat(120)}…`, "b taken"]);
  });

  it("waits in a deploy, and the broker hears that it has come when its subscriber has it", () => {
    const { log, receiver, comes } = scene();
    receiver.hold(1_000, () => log.push("expired"));
    comes("a");
    assert.deepEqual([receiver.isHolding, ...log], [true]);
    receiver.release();
    assert.deepEqual([receiver.isHolding, ...log], [false, "a delivered", "a taken"]);
    receiver.release();
    mock.timers.tick(1_000);
    assert.equal(log.length, 2);
  });

  it("waits for so long at the most, however often deploys begin meanwhile", () => {
    const { log, receiver } = scene();
    receiver.hold(1_000, () => log.push("expired"));
    mock.timers.tick(999);
    receiver.hold(1_000, () => log.push("expired again"));
    assert.deepEqual(log, []);
    mock.timers.tick(1);
    assert.deepEqual(log, ["expired"]);
  });

  it("that waits when the connection is lost is not delivered: it comes again over the next", () => {
    const { log, receiver, comes } = scene();
    receiver.hold(1_000, () => undefined);
    comes("a");
    receiver.disconnected();
    receiver.release();
    assert.deepEqual(log, []);
  });

  it("that comes in the goodbye, or still waits then, is left to the next session", () => {
    const { log, connection, receiver, comes } = scene();
    receiver.hold(1_000, () => undefined);
    comes("a");
    connection.isClosing = true;
    receiver.release();
    comes("b");
    assert.deepEqual(log, ["a left", "b left"]);
  });

  it("of a session that the broker has lost is delivered once, after deploy and goodbye, before later ones", () => {
    const { log, unreleased, connection, receiver, comes } = scene();
    unreleased.put({ ...packet("a"), messageId: 1 }, () => undefined);
    unreleased.sessionLost();
    connection.isClosing = true;
    receiver.receiveOrphans();
    connection.isClosing = false;
    receiver.hold(1_000, () => undefined);
    receiver.receiveOrphans();
    comes("b");
    assert.deepEqual(log, []);
    receiver.release();
    receiver.receiveOrphans();
    assert.deepEqual(log, ["a delivered", "b delivered", "b taken"]);
  });

  it("whose number the broker uses for another one is delivered before that; a repetition is not", () => {
    const { log, unreleased, comes } = scene();
    for (const text of ["a", "a", "b"]) {
      unreleased.put({ ...packet(text), messageId: 1 }, () => undefined);
    }
    comes("b");
    assert.deepEqual(log, ["a delivered", "b delivered", "b taken"]);
  });
});
