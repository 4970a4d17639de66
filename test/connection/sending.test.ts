// How a connection sends what its outbox holds: in order, with none lost, no faster than it may.
import { strict as assert } from "node:assert";
import type { Socket } from "node:net";
import type { IConnackPacket, IPublishPacket, Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { AT_ONCE } from "../../nodes/connection/turn-budget";
import { Outbox } from "../../nodes/outbox/outbox";
import type { QoS } from "../../nodes/protocol/settings";
import { eventTopic } from "../../nodes/protocol/topics";
import { Sandbox } from "../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  rawServer,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
  WHO,
} from "../support/connections";
import { type Script, ScriptedBroker } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

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

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

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
  connection.addSubscriber(subscriber(deviceRequest("marker")));
  connection.endDeploy();
  await broker.packet(({ cmd }) => cmd === "subscribe");
}

function published({ packets }: ScriptedBroker): IPublishPacket[] {
  return packets.filter((packet) => packet.cmd === "publish");
}

async function publishedAre(count: number, broker: ScriptedBroker): Promise<void> {
  while (published(broker).length < count) await broker.packet(next(broker));
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
    connection.endDeploy();
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
    const policy = {
      limit: 1,
      full: "reject",
      bytes: Number.POSITIVE_INFINITY,
      maxAge: Number.POSITIVE_INFINITY,
    } as const;
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
    connection.endDeploy();
    await fates;
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 50_000);
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
  });
});

for (const qos of [0, 1] as const) {
  describe(`sending: at QoS ${qos}, while the broker reads nothing`, () => {
    /** No more than may be in flight, and more than the kernel keeps for a connection. */
    const COUNT = IN_FLIGHT;
    const LONG = "x".repeat(64_000);

    /** A connection that has been given so many events, more than its socket takes. */
    async function cloggedConnection(broker: ScriptedBroker) {
      const connection = await onlineConnection(broker);
      for (const socket of broker.sockets) socket.pause();
      const fates = numbers(COUNT).map(
        (number) =>
          new Promise((done) => {
            const payload = JSON.stringify({ event_data: { number, LONG } });
            connection.send({ topic: eventTopic(WHO, "d"), payload, qos, done });
          }),
      );
      return { connection, fates };
    }

    it("nothing is heaped up for the socket; all goes once the broker reads again", async () => {
      const warnings: Error[] = [];
      const warned = (warning: Error) => warnings.push(warning);
      process.on("warning", warned);
      const broker = await brokerWith();
      const { connection, fates } = await cloggedConnection(broker);
      for (let turn = 0; turn < 100; turn += 1) await nextTurn();
      // The kernel takes some megabytes of 64.
      assert.ok(connection.queue.inFlight < COUNT / 2, `${connection.queue.inFlight} in flight`);

      for (const socket of broker.sockets) socket.resume();
      await Promise.all(fates);

      process.off("warning", warned);
      // mqtt.js adds a listener to a full socket for each event at QoS 0 that it is given.
      assert.deepEqual(warnings, []);
    });

    it("what waits goes over the next connection if this one ends", async () => {
      const broker = await brokerWith();
      const { connection, fates } = await cloggedConnection(broker);

      for (const socket of broker.sockets) socket.destroy();
      await Promise.all(fates);

      assert.equal(connection.outbox.size, 0);
    });
  });
}

describe("sending: what is in flight", () => {
  const silent = (packet: Packet) => packet.cmd === "publish";

  it("goes out over several turns of the event loop, so that others have theirs", async () => {
    const broker = await brokerWith(silent);
    const connection = await onlineConnection(broker, { timing: { turn: 0 } });
    void sendNumbers(connection, IN_FLIGHT);
    assert.equal(connection.queue.inFlight, 1);
    await nextTurn();
    assert.equal(connection.queue.inFlight, 1 + AT_ONCE);
    await publishedAre(IN_FLIGHT, broker);
  });

  it("is a thousand events at the most", async () => {
    const broker = await brokerWith(silent);
    const connection = await onlineConnection(broker);
    const fates = sendNumbers(connection, IN_FLIGHT + 500);
    await publishedAre(IN_FLIGHT, broker);
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, IN_FLIGHT);
    const [socket] = broker.sockets;
    const ids = published(broker).map(({ messageId }) => messageId ?? 0);
    for (const id of ids.slice(0, 10)) socket?.write(Buffer.from([0x40, 2, id >> 8, id & 255]));
    await publishedAre(IN_FLIGHT + 10, broker);
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
    await publishedAre(IN_FLIGHT, broker);
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
    await publishedAre(IN_FLIGHT, broker);
    for (const socket of broker.sockets) socket.destroy();
    assert.deepEqual(new Set(await fates), new Set([undefined]));
    assert.equal(published(broker).length, 2 * IN_FLIGHT + 1);
  });

  it("goes alone after its acknowledgement was late: so much was perhaps too much for the link", async () => {
    const broker = await brokerWith(({ cmd }) => cmd === "publish");
    const connection = await onlineConnection(broker, { timing: { acknowledge: 500 } });
    void sendNumbers(connection, 10);
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "KEEPALIVE_LOST");
    assert.equal(published(broker).length, 10);

    await reaches(connection, "online");
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 11);
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

describe("sending: at QoS 2", () => {
  const releases = (broker: ScriptedBroker) => broker.packets.filter(({ cmd }) => cmd === "pubrel");
  const qosOf = (broker: ScriptedBroker) => published(broker).map(({ qos }) => qos);

  function warningsOf(connection: Connection): string[] {
    const warnings: string[] = [];
    connection.on("warning", ({ code }) => warnings.push(code));
    return warnings;
  }

  it("the first event goes alone; what was left half done is released once the broker has received it", async () => {
    const broker = await brokerWith();
    const connection = await onlineConnection(broker);

    await sendNumbers(connection, 3, 2);

    const kinds = broker.packets.map(({ cmd }) => cmd).filter((cmd) => cmd.startsWith("pub"));
    assert.deepEqual(kinds.slice(0, 1 + 32 + 1), ["publish", ...Array(33).fill("pubrel")]);
    const released = releases(broker).map(({ messageId }) => messageId);
    assert.deepEqual(
      released.slice(0, 16),
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
    const [first, second] = published(broker);
    assert.equal(released[32], first?.messageId);
    assert.ok(released.includes(second?.messageId));
  });

  it("nothing is released in a session that is not kept", async () => {
    const broker = await brokerWith();
    const connection = await onlineConnection(broker, { settings: { cleanSession: true } });
    await sendNumbers(connection, 3, 2);
    assert.equal(releases(broker).length, 3);
  });

  it("the answer to a release, however late, is none to an event", async () => {
    const late: (() => void)[] = [];
    const broker = await brokerWith(({ cmd, messageId = 0 }, reply) => {
      const isProbe = messageId > 32;
      if (cmd === "pubrel" && !isProbe) late.push(() => reply({ cmd: "pubcomp", messageId }));
      return !isProbe && (cmd === "pubrel" || cmd === "publish");
    });
    const connection = await onlineConnection(broker);
    void sendNumbers(connection, 17, 2);
    while (published(broker).length < 17) await broker.packet(next(broker));
    for (const answer of late) answer();
    await everythingRead(broker, connection);
    assert.equal(connection.outbox.size, 16);
  });

  it("an event that is answered by PUBACK is delivered, and later ones go at QoS 1, after a reconnect too", async () => {
    // As RabbitMQ does it: after a PUBREL it says nothing more at all.
    let isDeaf = false;
    const broker = await brokerWith(({ cmd, messageId = 0 }, reply) => {
      if (cmd === "connect") isDeaf = false;
      if (cmd === "pubrel") isDeaf = true;
      if (cmd === "publish" && !isDeaf) reply({ cmd: "puback", messageId });
      return cmd === "publish" || isDeaf;
    });
    const connection = await onlineConnection(broker);
    const warnings = warningsOf(connection);

    await sendNumbers(connection, 5, 2);
    for (const socket of broker.sockets) socket.destroy();
    await enters(connection, "online");
    await sendNumbers(connection, 2, 2);

    assert.deepEqual(qosOf(broker), [2, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(releases(broker), []);
    assert.deepEqual(warnings, ["QOS_LOWERED"]);
  });

  it("a broker that closes the connection on QoS 2 has the events at QoS 1, each of them, after two disconnects", async () => {
    const broker = await brokerWith((packet, _reply, socket) => {
      const isTooMuch = packet.cmd === "publish" && packet.qos === 2;
      if (isTooMuch) socket.destroy();
      return isTooMuch;
    });
    const connection = await onlineConnection(broker);
    const warnings = warningsOf(connection);
    const names = stateNames(connection);

    const errors = await sendNumbers(connection, 50, 2);

    assert.deepEqual(new Set(errors), new Set([undefined]));
    assert.equal(names.filter((name) => name === "offline").length, 2);
    assert.deepEqual(warnings, ["QOS_LOWERED"]);
  });

  for (const silentTo of ["publish", "pubrel"] as const) {
    it(`a broker that is silent to ${silentTo.toUpperCase()} at QoS 2 has the events at QoS 1, once it was waited for twice`, async () => {
      const broker = await brokerWith(
        (packet) => packet.cmd === silentTo && (packet.cmd === "pubrel" || packet.qos === 2),
      );
      const connection = await onlineConnection(broker, { timing: { acknowledge: 100 } });
      const names = stateNames(connection);

      const errors = await sendNumbers(connection, 50, 2);

      assert.deepEqual(new Set(errors), new Set([undefined]));
      assert.equal(names.filter((name) => name === "offline").length, 2);
    });
  }

  it("a broker that falls silent on releases is spared them after two connections", async () => {
    let isDeaf = false;
    const begun = new Set<number>();
    const broker = await brokerWith(({ cmd, messageId = 0 }) => {
      if (cmd === "connect") {
        isDeaf = false;
        begun.clear();
      }
      if (cmd === "publish") begun.add(messageId);
      if (cmd === "pubrel" && !begun.has(messageId)) isDeaf = true;
      return isDeaf;
    });
    const connection = await onlineConnection(broker, { timing: { acknowledge: 100 } });
    const names = stateNames(connection);

    const errors = await sendNumbers(connection, 50, 2);

    assert.deepEqual(new Set(errors), new Set([undefined]));
    assert.ok(names.filter((name) => name === "offline").length <= 4, names.join());
  });

  it("a broker that does QoS 2 keeps it, however often its link is cut over one", async () => {
    let cuts = 0;
    const broker = await brokerWith((packet, _reply, socket) => {
      // Every other event at QoS 2 meets a link that is cut.
      const isCut = packet.cmd === "publish" && packet.qos === 2 && cuts % 2 === 0;
      if (packet.cmd === "publish" && packet.qos === 2) cuts += 1;
      if (isCut) socket.destroy();
      return isCut;
    });
    const connection = await onlineConnection(broker);
    const warnings = warningsOf(connection);
    for (let event = 0; event < 8; event += 1) await sendNumber(connection, event, 2);
    assert.deepEqual(warnings, []);
    assert.equal(qosOf(broker).at(-1), 2);
  });

  it("an event that the broker cannot bear is tried at QoS 1, too, before it goes into quarantine", async () => {
    const broker = await brokerWith((packet, _reply, socket) => {
      const isBad = packet.cmd === "publish" && numberOf(packet) === 0;
      if (isBad) socket.destroy();
      return isBad;
    });
    const connection = await onlineConnection(broker);
    const warnings = warningsOf(connection);
    await sendNumber(connection, 100);

    const [bad, ...good] = await sendNumbers(connection, 20, 2);

    assert.equal(bad?.code, "EVENT_HANGS_UP");
    assert.deepEqual(new Set(good), new Set([undefined]));
    const tries = published(broker).filter((packet) => numberOf(packet) === 0);
    assert.deepEqual(
      tries.map(({ qos }) => qos),
      [2, 1, 1, 1],
    );
    assert.deepEqual(warnings, []);
    assert.equal(qosOf(broker).at(-1), 2);
  });

  it("nothing is lost when links are cut with exchanges half done", async () => {
    let links = 0;
    const { broker, delivered, held } = await exactBroker(({ cmd, messageId = 0 }, socket) => {
      if (cmd === "connect") links += 1;
      const isProbe = messageId > 32;
      if (links > 2 || isProbe || cmd !== "publish") return true;
      if (held.size === 16 || links === 2) setImmediate(() => socket.destroy());
      return false;
    });
    const connection = openConnection(broker);

    await sendNumbers(connection, 100, 2);

    assert.equal(links, 3);
    assert.deepEqual(new Set(delivered), new Set(numbers(100)));
  });

  it("nothing is lost when links are cut over the first event of each connection", async () => {
    let links = 0;
    const { broker, delivered } = await exactBroker(({ cmd, messageId = 0 }, socket) => {
      if (cmd === "connect") links += 1;
      const isCut = cmd === "pubrel" && messageId > 32 && links % 3 > 0 && links < 12;
      if (isCut) setImmediate(() => socket.destroy());
      return !isCut;
    });
    const connection = openConnection(broker);

    await sendNumbers(connection, 100, 2);

    assert.deepEqual(new Set(delivered), new Set(numbers(100)));
  });

  it("a deploy's connection releases what the one before left half done in its order", async () => {
    let links = 0;
    const { broker, delivered, held } = await exactBroker(({ cmd }) => {
      if (cmd === "connect") links += 1;
      return cmd !== "publish" || delivered.length < 30 || links > 1;
    });
    const settings = { clientId: "same" };
    const first = openConnection(broker, { settings, timing: { close: 100 } });
    await sendNumbers(first, 30, 2);
    const sent = sendNumbers(first, 5, 2, 30);
    while (held.size < 5) await broker.packet(next(broker));
    await first.close();

    const second = openConnection(broker, { settings, session: first.session });
    for (const event of (await first.outbox.close()).events) second.send(event);
    await sent;

    assert.deepEqual([...new Set(delivered)], numbers(35));
  });

  it("an acknowledgement is not late while the broker receives events one after the other", async () => {
    const broker = await brokerWith();
    // Twenty of these events are longer on the wire than an acknowledgement may take.
    broker.on("connection", (socket) => {
      socket.on("data", () => {
        socket.pause();
        setTimeout(() => socket.resume(), 25);
      });
    });
    const connection = await onlineConnection(broker, { timing: { acknowledge: 300 } });
    const names = stateNames(connection);
    const payload = JSON.stringify({ event_data: { text: "x".repeat(65_000) } });
    const topic = eventTopic(WHO, "d");
    await Promise.all(
      Array.from(
        { length: 40 },
        () => new Promise((done) => connection.send({ topic, payload, qos: 2, done })),
      ),
    );
    assert.deepEqual(names, []);
  });

  it("an event of QoS 1 waits for nothing of the kind", async () => {
    const broker = await brokerWith();
    const connection = await onlineConnection(broker);
    await sendNumber(connection, 1);
    assert.deepEqual(releases(broker), []);
  });

  it("no more than sixteen events are in flight at a time", async () => {
    const broker = await brokerWith(
      ({ cmd, messageId = 0 }) => cmd === "publish" && messageId <= 16,
    );
    const connection = await onlineConnection(broker, { settings: { cleanSession: true } });
    void sendNumbers(connection, 30, 2);
    while (published(broker).length < 17) await broker.packet(next(broker));
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 17, "the first, and sixteen more");
  });

  it("an MQTT 5 broker that states a lower maximum has events at that, and one warning says so", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "connect") return false;
      reply({
        cmd: "connack",
        reasonCode: 0,
        sessionPresent: false,
        properties: { maximumQoS: 1 },
      });
      return true;
    });
    const connection = openConnection(broker, { settings: { protocolVersion: 5 } });
    const warnings = warningsOf(connection);
    await sendNumbers(connection, 3, 2);
    assert.deepEqual(qosOf(broker), [1, 1, 1]);
    assert.deepEqual(warnings, ["QOS_LOWERED"]);
  });
});

/**
 * A broker that takes QoS 2 at its word (MQTT-4.3.3): it keeps half-done handshakes over connections,
 * takes what comes under an identifier that it holds for a repetition, and delivers on release.
 * `answers` says which packets it answers.
 */
async function exactBroker(answers: (packet: Packet, socket: Socket) => boolean) {
  const held = new Map<number, number>();
  const delivered: number[] = [];
  const broker = await brokerWith((packet, _reply, socket) => {
    const { messageId = 0 } = packet;
    if (packet.cmd === "publish" && packet.qos < 2) delivered.push(numberOf(packet));
    else if (packet.cmd === "publish" && !held.has(messageId))
      held.set(messageId, numberOf(packet));
    if (packet.cmd === "pubrel") {
      const number = held.get(messageId);
      held.delete(messageId);
      if (number !== undefined) delivered.push(number);
    }
    return !answers(packet, socket);
  });
  return { broker, delivered, held };
}

/** Answers each event with the reason code that is wanted for it, 0 if none is. */
function answering(reasonCode: (packet: IPublishPacket) => number | undefined): Script {
  return (packet, reply) => {
    if (packet.cmd !== "publish") return false;
    const code = reasonCode(packet);
    const { messageId = 0 } = packet;
    if (code) reply({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId, reasonCode: code });
    return Boolean(code);
  };
}

const numberOf = ({ payload }: IPublishPacket): number =>
  JSON.parse(payload.toString()).event_data.number;

/** What it is from now on: the refusal's code while there is one. */
function statesOf(connection: Connection): string[] {
  const states: string[] = [];
  connection.on("state", (state) => {
    states.push((state.name === "online" && state.refusal?.code) || state.name);
  });
  return states;
}

describe("sending: what an MQTT 5 broker refuses", () => {
  const settings = { protocolVersion: 5 } as const;

  it("is not an event of QoS 2 that it had confirmed, and then forgotten", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "pubrel") return false;
      reply({ cmd: "pubcomp", messageId: packet.messageId ?? 0, reasonCode: 0x92 });
      return true;
    });
    const connection = await onlineConnection(broker, { settings });

    assert.equal(await sendNumber(connection, 1, 2), undefined);

    assert.equal(connection.outbox.size, 0);
  });

  for (const qos of [1, 2] as QoS[]) {
    for (const [code, reason] of [
      [0x87, "Not authorized"],
      [0x90, "Topic Name invalid"],
      [0x99, "Payload format invalid"],
    ] as const) {
      it(`for good ends with its reason at QoS ${qos}, and the rest goes on: ${reason}`, async () => {
        const broker = await brokerWith(answering((packet) => (numberOf(packet) === 0 ? code : 0)));
        const connection = await onlineConnection(broker, { settings });

        const [first, second] = await sendNumbers(connection, 2, qos);

        assert.equal(first?.code, "EVENT_REFUSED");
        assert.equal(first?.details.reason, reason);
        assert.equal(second, undefined);
        assert.equal(published(broker).length, 2);
        assert.equal(connection.outbox.size, 0);
        assert.deepEqual(connection.state, { name: "online" });
      });
    }

    for (const code of [0x80, 0x83]) {
      it(`without a clear reason (0x${code.toString(16)}) is set aside after three tries at QoS ${qos}`, async () => {
        const broker = await brokerWith(answering((packet) => (numberOf(packet) === 3 ? code : 0)));
        const connection = await onlineConnection(broker, { settings });

        const fates = await sendNumbers(connection, 10, qos);

        const tries = published(broker).filter((packet) => numberOf(packet) === 3);
        assert.equal(tries.length, 3);
        assert.deepEqual(
          fates.map((fate) => fate?.code),
          numbers(10).map((number) => (number === 3 ? "EVENT_REFUSED" : undefined)),
        );
        assert.equal(connection.outbox.size, 0);
      });
    }
  }

  it("because of a quota is delivered once there is room, in order, however long that takes", async () => {
    let tries = 0;
    const taken: number[] = [];
    const broker = await brokerWith(
      answering((packet) => {
        tries += 1;
        // Room for five, then for none for a while.
        if (taken.length >= 5 && tries < 30) return 0x97;
        taken.push(numberOf(packet));
        return 0;
      }),
    );
    const connection = await onlineConnection(broker, { settings });

    const fates = await sendNumbers(connection, 20);

    assert.deepEqual(new Set(fates), new Set([undefined]));
    assert.deepEqual(taken, numbers(20));
  });

  it("for now is why its state is not quite well, until nothing has been refused for a while", async () => {
    let refusals = 6;
    const broker = await brokerWith(answering(() => (refusals-- > 0 ? 0x97 : 0)));
    // Together the pauses take much longer than it takes to be calm again.
    const timing = { firstPause: 5, longestPause: 100, calm: 40 };
    const connection = await onlineConnection(broker, { settings, timing });
    const states = statesOf(connection);

    assert.equal(await sendNumber(connection, 1), undefined);
    assert.deepEqual(states, ["QUOTA_EXCEEDED"]);
    await enters(connection, "online");

    assert.deepEqual(states, ["QUOTA_EXCEEDED", "online"]);
  });

  it("for now has nothing sent until all is answered; then the oldest goes first, and alone", async () => {
    const held: (() => void)[] = [];
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish" || published(broker).length > 5) return false;
      const { messageId = 0 } = packet;
      const refuses = numberOf(packet) === 1;
      if (refuses) reply({ cmd: "puback", messageId, reasonCode: 0x80 });
      else held.push(() => reply({ cmd: "puback", messageId }));
      return true;
    });
    const connection = await onlineConnection(broker, { settings });
    const fates = sendNumbers(connection, 5);
    await enters(connection, "online");

    const late = sendNumber(connection, 5);
    await everythingRead(broker, connection);
    assert.equal(published(broker).length, 5);
    for (const acknowledge of held) acknowledge();
    await late;

    assert.deepEqual(published(broker).map(numberOf), [0, 1, 2, 3, 4, 1, 5]);
    await fates;
  });

  it("for now goes alone each time, whatever was acknowledged meanwhile", async () => {
    const held: (() => void)[] = [];
    let refused = 0;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      const { messageId = 0 } = packet;
      if (numberOf(packet) === 1 && refused < 2) {
        refused += 1;
        reply({ cmd: "puback", messageId, reasonCode: 0x97 });
        return true;
      }
      if (published(broker).length > 5) return false;
      held.push(() => reply({ cmd: "puback", messageId }));
      return true;
    });
    const connection = await onlineConnection(broker, { settings });
    const fates = sendNumbers(connection, 5);
    await enters(connection, "online");
    const late = [5, 6, 7].map((number) => sendNumber(connection, number));
    for (const acknowledge of held) acknowledge();
    await Promise.all([fates, ...late]);

    const [, , , , , ...afterwards] = published(broker).map(numberOf);
    assert.deepEqual(afterwards, [1, 1, 5, 6, 7]);
  });

  it("for now holds up no acknowledgement of those that follow it", async () => {
    const waiting: (() => void)[] = [];
    let refused = 0;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      const { messageId = 0 } = packet;
      if (refused === 0) reply({ cmd: "puback", messageId, reasonCode: 0x80 });
      else waiting.push(() => reply({ cmd: "puback", messageId }));
      refused += 1;
      return true;
    });
    const timer = setInterval(() => waiting.shift()?.(), 30);
    const connection = await onlineConnection(broker, { settings, timing: { acknowledge: 300 } });
    const names = stateNames(connection);
    await sendNumbers(connection, 20);
    clearInterval(timer);
    assert.ok(!names.includes("offline"), names.join(" "));
  });

  it("for now is told once, in whatever language it is put", async () => {
    const broker = await brokerWith(answering(() => 0x97));
    const connection = await onlineConnection(broker, { settings });
    let told = 0;
    connection.on("state", (state) => {
      if (state.name !== "online" || !state.refusal) return;
      told += 1;
      state.refusal.message = "Kontingent erschöpft";
    });
    void sendNumbers(connection, 50);
    while (published(broker).length < 60) await broker.packet(next(broker));
    assert.equal(told, 1);
  });

  it("for now stays in the outbox when the connection is closed", async () => {
    const broker = await brokerWith(answering(() => 0x97));
    const connection = await onlineConnection(broker, { settings });
    void sendNumbers(connection, 3);
    await enters(connection, "online");

    await closeConnections();

    assert.equal((await connection.outbox.close()).events.length, 3);
  });

  it("for now is not to blame if the broker then hangs up, however often", async () => {
    let lives = 0;
    const broker = await brokerWith((packet, reply, socket) => {
      if (packet.cmd === "connect") lives += 1;
      if (packet.cmd !== "publish" || lives > 6) return false;
      reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0x97 });
      socket.end();
      return true;
    });
    const timing = { firstPause: 60_000, longestPause: 60_000 };
    const connection = await onlineConnection(broker, { settings, timing });
    const reasons: string[] = [];
    connection.on("state", (state) => {
      if (state.name === "offline") reasons.push(state.reason.code);
    });

    assert.equal(await sendNumber(connection, 1), undefined);
    assert.deepEqual(reasons, Array(6).fill("CONNECTION_CLOSED"));
  });

  it("for now waits no longer than the first time once another was accepted", async () => {
    const refused = new Set<number>();
    const broker = await brokerWith(
      answering((packet) => {
        if (refused.has(numberOf(packet))) return 0;
        refused.add(numberOf(packet));
        return 0x97;
      }),
    );
    const timing = { firstPause: 20, longestPause: 60_000 };
    const connection = await onlineConnection(broker, { settings, timing });
    const begun = performance.now();

    for (const number of numbers(8)) await sendNumber(connection, number);

    // Doubled each time they would take five seconds.
    const took = performance.now() - begun;
    assert.ok(took < 1_500, `took ${took} ms`);
  });

  it("while the connection is being closed does not open it again", async () => {
    let answer: () => void = () => undefined;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      answer = () => reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0x97 });
      return true;
    });
    const connection = await onlineConnection(broker, { settings });
    const states = statesOf(connection);
    void sendNumber(connection, 1);
    await broker.packet(({ cmd }) => cmd === "publish");

    const closed = connection.close();
    answer();
    await closed;

    assert.deepEqual(states, ["closing", "closed"]);
    assert.equal(connection.outbox.size, 1);
  });

  it("before the connection was closed does not open it again", async () => {
    let answers = 0;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      answers += 1;
      const reasonCode = answers === 1 ? 0x97 : 0;
      if (answers < 3) reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode });
      return true;
    });
    const timing = { calm: 100, close: 300 };
    const connection = await onlineConnection(broker, { settings, timing });
    await sendNumber(connection, 1);
    void sendNumber(connection, 2);
    const states = statesOf(connection);

    await connection.close();

    assert.deepEqual(states, ["closing", "closed"]);
  });
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
    // Topic, payload and seven bytes beside them: enough for one digit, and not for two.
    const limit = eventTopic(WHO, "d").length + '{"event_data":{"number":9}}'.length + 7;
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
