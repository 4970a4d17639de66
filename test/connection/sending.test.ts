// How a connection sends what its outbox holds: in order, with none lost, no faster than it may.
import { strict as assert } from "node:assert";
import type { IConnackPacket, Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { Outbox } from "../../nodes/connection/outbox";
import type { QoS } from "../../nodes/protocol/settings";
import { eventTopic } from "../../nodes/protocol/topics";
import { Sandbox } from "../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  rawServer,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
  WHO,
} from "../support/connections";
import { ScriptedBroker } from "../support/scripted-broker";
import { deviceWish, subscriber } from "../support/subscribers";

/** What a connection may have on the wire unacknowledged. */
const IN_FLIGHT = 1_000;

const servers: { stop(): Promise<void> }[] = [];

/** A sandbox that remembers enough, and comes back on its old port. */
async function runningSandbox(): Promise<Sandbox> {
  const { port, stop } = await rawServer();
  await stop();
  const sandbox = new Sandbox({ port, keep: 100_000 });
  await sandbox.start();
  servers.push(sandbox);
  return sandbox;
}

async function brokerWith(...script: Parameters<typeof ScriptedBroker.start>) {
  const broker = await ScriptedBroker.start(...script);
  servers.push(broker);
  return broker;
}

afterEach(async () => {
  await closeConnections();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** The numbers that arrived, each where it came first: a repetition is allowed at QoS 1. */
async function arrived(sandbox: Sandbox, count: number): Promise<unknown[]> {
  const distinct = () => [...new Set(sandbox.events.map(({ eventData }) => eventData.number))];
  // The sandbox acknowledges an event before it stores it; and QoS 0 is not acknowledged at all.
  while (distinct().length < count) await sandbox.next("event");
  return distinct();
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Resolves once the broker has read everything that was sent before. */
async function everythingRead(broker: ScriptedBroker, connection: Connection): Promise<void> {
  connection.addSubscriber(subscriber(deviceWish("marker")));
  connection.settle();
  await broker.packet(({ cmd }) => cmd === "subscribe");
}

function published({ packets }: ScriptedBroker): Packet[] {
  return packets.filter(({ cmd }) => cmd === "publish");
}

describe("sending", () => {
  for (const qos of [0, 1, 2] as const) {
    it(`ends each event at QoS ${qos} without an error, and in order`, async () => {
      const sandbox = await runningSandbox();
      const connection = await onlineConnection(sandbox);
      const fates = await sendNumbers(connection, 500, qos);
      assert.deepEqual(new Set(fates), new Set([undefined]));
      assert.deepEqual(await arrived(sandbox, 500), numbers(500));
      assert.deepEqual(new Set(sandbox.events.map((event) => event.qos)), new Set([qos]));
      assert.equal(connection.outbox.size, 0);
    });
  }

  it("does not need a connection to accept events", async () => {
    const sandbox = await runningSandbox();
    const connection = connectionTo(sandbox);
    const fates = sendNumbers(connection, 10);
    assert.equal(connection.outbox.size, 10);
    connection.addSender({});
    connection.settle();
    await fates;
    assert.deepEqual(await arrived(sandbox, 10), numbers(10));
  });

  it("keeps order over an outage: before, during and after it", async () => {
    const sandbox = await runningSandbox();
    const connection = await onlineConnection(sandbox);
    const fates: Promise<unknown>[] = [];
    const send = (from: number, to: number) => {
      for (let number = from; number < to; number += 1) fates.push(sendNumber(connection, number));
    };
    send(0, 100);
    const lost = enters(connection, "offline");
    const stopped = sandbox.stop();
    send(100, 200);
    await lost;
    await stopped;
    send(200, 300);
    await sandbox.start();
    await reaches(connection, "online");
    send(300, 400);
    assert.deepEqual(new Set(await Promise.all(fates)), new Set([undefined]));
    assert.deepEqual(await arrived(sandbox, 400), numbers(400));
  });

  for (const protocolQos of [1, 2] as const) {
    it(`loses none of 2,000 events at QoS ${protocolQos} when it is cut off in the middle`, async () => {
      const sandbox = await runningSandbox();
      const connection = await onlineConnection(sandbox);
      let kicks = 0;
      sandbox.on("event", () => {
        if (sandbox.events.length < 300 * (kicks + 1) || kicks === 3) return;
        kicks += 1;
        sandbox.kick(connection.settings.clientId);
      });
      const fates = await sendNumbers(connection, 2_000, protocolQos);
      assert.equal(kicks, 3);
      assert.deepEqual(new Set(fates), new Set([undefined]));
      assert.deepEqual(await arrived(sandbox, 2_000), numbers(2_000));
    });
  }

  it("tells when the number of events in the outbox changes", async () => {
    const sandbox = await runningSandbox();
    const connection = await onlineConnection(sandbox);
    const sizes: number[] = [];
    connection.on("outbox", () => sizes.push(connection.outbox.size));
    await sendNumber(connection, 1);
    await sendNumber(connection, 2);
    assert.deepEqual(sizes.slice(0, 3), [1, 0, 1]);
    await closeConnections();
    assert.deepEqual(sizes, [1, 0, 1, 0]);
  });

  it("throws when the outbox is full", async () => {
    const policy = { limit: 1, full: "reject", maxAge: Number.POSITIVE_INFINITY } as const;
    const connection = connectionTo({ url: "mqtt://127.0.0.1:1" }, { outbox: new Outbox(policy) });
    void sendNumber(connection, 1);
    await assert.rejects(sendNumber(connection, 2), { code: "OUTBOX_FULL" });
  });

  it("sends a backlog of 50,000 events at QoS 0", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on("warning", warned);
    const broker = await brokerWith();
    const connection = connectionTo(broker);
    const fates = sendNumbers(connection, 50_000, 0);
    connection.addSender({});
    connection.settle();
    await fates;
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 50_000);
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
  });
});

describe("sending: what is in flight", () => {
  const silent = (packet: Packet) => packet.cmd === "publish";

  it("is a thousand events at the most", async () => {
    const broker = await brokerWith(silent);
    const connection = await onlineConnection(broker);
    const fates = sendNumbers(connection, IN_FLIGHT + 500);
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, IN_FLIGHT);
    const [socket] = broker.sockets;
    const ids = published(broker).map(({ messageId }) => messageId ?? 0);
    for (const id of ids.slice(0, 10)) socket?.write(Buffer.from([0x40, 2, id >> 8, id & 255]));
    while (published(broker).length < IN_FLIGHT + 10) await broker.packet(next(broker));
    assert.equal(connection.outbox.size, IN_FLIGHT + 490);
    await closeConnections();
    assert.equal(published(broker).length, IN_FLIGHT + 10);
    void fates;
  });

  it("is no more than an MQTT 5 broker takes", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "connect") return silent(packet);
      const properties = { receiveMaximum: 3 };
      reply({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    void sendNumbers(connection, 10);
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 3);
  });

  it("is as much as we think right if an MQTT 5 broker would take more", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "connect") return silent(packet);
      const properties = { receiveMaximum: 65_535 };
      reply({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    void sendNumbers(connection, IN_FLIGHT + 1);
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, IN_FLIGHT);
  });

  it("goes alone after the broker hung up on it, and is joined by the rest once it is acknowledged", async () => {
    let lives = 0;
    const broker = await brokerWith((packet) => {
      if (packet.cmd === "connect") lives += 1;
      return packet.cmd === "publish" && lives === 1;
    });
    const connection = await onlineConnection(broker);
    const fates = sendNumbers(connection, IN_FLIGHT + 1);
    await everythingRead(broker, connection);
    for (const socket of broker.sockets) socket.destroy();
    assert.deepEqual(new Set(await fates), new Set([undefined]));
    assert.equal(published(broker).length, 2 * IN_FLIGHT + 1);
  });

  it("is not ended by the end of its connection", async () => {
    let answers = 0;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish" || ++answers > 1) return false;
      // A second CONNACK makes mqtt.js give up, and call back for all that is in flight.
      reply({ cmd: "connack", returnCode: 0, sessionPresent: false });
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { cleanSession: true } });
    const names = stateNames(connection);
    assert.equal(await sendNumber(connection, 1), undefined);
    assert.deepEqual(names, ["offline", "connecting", "online"]);
    assert.equal(published(broker).length, 2);
  });

  it("keeps its packet identifier to itself, also after the connection was lost", async () => {
    const broker = await brokerWith(silent);
    const connection = await onlineConnection(broker);
    void sendNumbers(connection, 3, 2);
    while (published(broker).length < 3) await broker.packet(next(broker));
    for (const socket of broker.sockets) socket.destroy();
    while (published(broker).length < 4) await broker.packet(next(broker));
    const ids = published(broker).map(({ messageId }) => messageId ?? 0);
    // They count on, and begin again at 1 after 65,535.
    const first = ids[0] ?? 0;
    assert.deepEqual(
      ids.slice(0, 4),
      numbers(4).map((index) => ((first + index - 1) % 65_535) + 1),
    );
  });

  it("is sent once more over the next connection, and ends once", async () => {
    let answers = 0;
    const broker = await brokerWith((packet) => packet.cmd === "publish" && ++answers === 1);
    const connection = await onlineConnection(broker, { settings: { cleanSession: true } });
    const fate = sendNumber(connection, 1);
    await broker.packet(({ cmd }) => cmd === "publish");
    for (const socket of broker.sockets) socket.destroy();
    assert.equal(await fate, undefined);
    assert.equal(published(broker).length, 2);
    assert.equal(connection.outbox.size, 0);
  });
});

describe("sending: what an MQTT 5 broker refuses", () => {
  for (const qos of [1, 2] as QoS[]) {
    it(`ends with the broker's reason at QoS ${qos}, and the rest goes on`, async () => {
      let answers = 0;
      const broker = await brokerWith((packet, reply) => {
        if (packet.cmd !== "publish" || ++answers > 1) return false;
        const { messageId = 0 } = packet;
        reply({ cmd: qos === 1 ? "puback" : "pubrec", messageId, reasonCode: 151 });
        return true;
      });
      const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
      const [first, second] = await sendNumbers(connection, 2, qos);
      assert.equal(first?.code, "EVENT_REFUSED");
      assert.equal(first?.details.reason, "Quota exceeded");
      assert.equal(second, undefined);
      assert.equal(connection.outbox.size, 0);
      assert.equal(connection.state.name, "online");
    });
  }
});

describe("sending: what an MQTT 5 broker says it does not take", () => {
  /** Answers CONNECT with these properties, and all else as usual. */
  async function connectionUnder(properties: NonNullable<IConnackPacket["properties"]>) {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "connect") return false;
      reply({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
      return true;
    });
    const settings = { protocolVersion: 5 } as const;
    return { broker, connection: await onlineConnection(broker, { settings }) };
  }

  it("is set aside if it is too large, without a word to the broker; the rest goes on", async () => {
    // Topic, payload and ten bytes beside them: enough for one digit, and not for two.
    const limit = eventTopic(WHO, "d").length + '{"event_data":{"number":9}}'.length + 10;
    const { broker, connection } = await connectionUnder({ maximumPacketSize: limit });

    const first = await sendNumber(connection, 10);
    const second = await sendNumber(connection, 9);

    assert.equal(first?.code, "EVENT_TOO_LARGE");
    assert.deepEqual(first?.details, { size: limit + 1, limit });
    assert.equal(second, undefined);
    assert.equal(published(broker).length, 1);
    assert.equal(connection.outbox.size, 0);
  });

  it("goes at the best quality of service there is", async () => {
    const { broker, connection } = await connectionUnder({ maximumQoS: 1 });

    assert.equal(await sendNumber(connection, 0, 2), undefined);
    assert.deepEqual(
      broker.packets.flatMap((packet) => (packet.cmd === "publish" ? packet.qos : [])),
      [1],
    );
  });
});

/** Matches a packet only once it has come: for waiting until there is one more. */
function next(broker: ScriptedBroker): (packet: Packet) => boolean {
  const known = new Set(broker.packets);
  return (packet) => !known.has(packet);
}
