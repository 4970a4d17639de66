// What a broker may answer wrongly, or not at all: nothing accepted is lost, nothing crashes, and the state says why.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { testConnection } from "../../nodes/connection/connection-test";
import type { QoS } from "../../nodes/protocol/settings";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
} from "../support/connections";
import { type Reply, type Script, ScriptedBroker, stopBrokers } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

const PUMP = "1/demo-project/demo-user/pump/event";

afterEach(async () => {
  await closeConnections();
  await stopBrokers();
});

function published(broker: ScriptedBroker): (Packet & { cmd: "publish" })[] {
  return broker.packets.flatMap((packet) => (packet.cmd === "publish" ? [packet] : []));
}

async function allArrive(script: Script, qos: QoS, count = 20): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(script);
  const connection = await onlineConnection(broker, { timing: { acknowledge: 300 } });
  const fates = await sendNumbers(connection, count, qos);
  assert.deepEqual(new Set(fates), new Set([undefined]));
  assert.equal(connection.outbox.size, 0);
  assert.equal(connection.state.name, "online");
  return broker;
}

describe("an acknowledgement", () => {
  const strange: [string, QoS, Script][] = [
    ["that comes twice (PUBACK)", 1, twice("publish", "puback")],
    ["that comes twice (PUBREC)", 2, twice("publish", "pubrec")],
    ["that comes twice (PUBCOMP)", 2, twice("pubrel", "pubcomp")],
    [
      "for an unknown identifier (PUBACK)",
      1,
      first("publish", { cmd: "puback", messageId: 60_000 }),
    ],
    [
      "for an unknown identifier (PUBREC)",
      2,
      first("publish", { cmd: "pubrec", messageId: 60_000 }),
    ],
    [
      "for an unknown identifier (PUBCOMP)",
      2,
      first("pubrel", { cmd: "pubcomp", messageId: 60_000 }),
    ],
    [
      "for an unknown SUBSCRIBE",
      1,
      first("publish", { cmd: "suback", messageId: 60_000, granted: [0] }),
    ],
    [
      "for an unknown UNSUBSCRIBE",
      1,
      first("publish", { cmd: "unsuback", messageId: 60_000, granted: [] }),
    ],
  ];
  for (const [title, qos, script] of strange) {
    it(`${title} ends no event twice, and holds none up`, async () => {
      const broker = await allArrive(script, qos);
      assert.equal(published(broker).length, 20, "none is sent twice");
    });
  }

  it("that is a PUBCOMP before any PUBREC leaves the event to be acknowledged in its order", async () => {
    await allArrive(({ cmd, ...packet }, reply) => {
      if (cmd === "publish") reply({ cmd: "pubcomp", messageId: idOf(packet) });
      return false;
    }, 2);
  });

  it("that is out of order is taken for the event it is for", async () => {
    const waiting: number[] = [];
    const broker = await allArrive(({ cmd, ...packet }, reply) => {
      if (cmd !== "publish") return false;
      waiting.push(idOf(packet));
      if (waiting.length < 20) return true;
      for (const messageId of waiting.splice(0).reverse()) reply({ cmd: "puback", messageId });
      return true;
    }, 1);
    assert.equal(published(broker).length, 20);
  });

  it("that never comes ends the connection after its deadline, and the event goes again", async () => {
    let isSilent = true;
    const broker = await ScriptedBroker.start(({ cmd }) => cmd === "publish" && isSilent);
    const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
    const fate = sendNumber(connection, 1);
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "KEEPALIVE_LOST");
    isSilent = false;
    assert.equal(await fate, undefined);
  });
});

describe("CONNACK", () => {
  it("that knows a session of which nobody has heard: what is wanted is subscribed to all the same", async () => {
    const broker = await ScriptedBroker.start(welcome(() => true));
    const { connection, node } = receiving(broker, true);
    await broker.packet(({ cmd }) => cmd === "subscribe");
    deliver(broker, "1");
    await node.upTo(1);
    assert.equal(await sendNumber(connection, 1, 2), undefined);
  });

  it("that knows a session which was not to last: it is subscribed anew all the same", async () => {
    const broker = await ScriptedBroker.start(welcome(() => true));
    const connection = connectionTo(broker, { settings: { cleanSession: true } });
    connection.addSubscriber(subscriber(deviceRequest("pump")));
    connection.endDeploy();
    const subscribes = () => broker.packets.filter(({ cmd }) => cmd === "subscribe").length;
    while (subscribes() < 1) await once(broker, "packet");
    for (const socket of broker.sockets) socket.destroy();
    while (subscribes() < 2) await once(broker, "packet");
  });

  it("that has forgotten the session: it is subscribed anew, and half-done events arrive", async () => {
    let isFirst = true;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "pubrel" || !isFirst) return false;
      isFirst = false;
      socket.destroy();
      return true;
    });
    const { connection } = receiving(broker, false);
    await reaches(connection, "online");
    assert.equal(await sendNumber(connection, 1, 2), undefined);
    const subscribes = () => broker.packets.filter(({ cmd }) => cmd === "subscribe").length;
    while (subscribes() < 2) await once(broker, "packet");
    assert.equal(connection.outbox.size, 0);
  });
});

describe("a QoS 2 message that is half done when the connection ends", () => {
  const halfDone = { cmd: "publish", topic: PUMP, qos: 2, dup: false, retain: false } as const;

  for (const [title, isKept, expected] of [
    [
      "is handed over if the broker has lost the session, and so is the next one under its number",
      false,
      ["x", "y"],
    ],
    [
      "waits for its release if the broker has kept it, whatever it refuses in between",
      true,
      ["y"],
    ],
  ] as const) {
    it(title, async () => {
      let links = 0;
      const broker = await ScriptedBroker.start(({ cmd }, reply, socket) => {
        if (cmd === "connect") {
          links += 1;
          // A refusal in between says nothing of the session.
          const returnCode = links === 2 ? 3 : 0;
          reply({ cmd: "connack", returnCode, sessionPresent: isKept && links > 2 });
          return true;
        }
        if (cmd === "pubrec" && links === 1) socket.destroy();
        return cmd === "pubrec" && links === 1;
      });
      const { connection, node } = receiving(broker, false);
      await broker.packet(({ cmd }) => cmd === "subscribe");
      const back = enters(connection, "offline").then(() => reaches(connection, "online"));
      broker.send({ ...halfDone, payload: "x", messageId: 7 });
      await back;
      broker.send({ ...halfDone, payload: "y", messageId: isKept ? 8 : 7 });
      broker.send({ cmd: "pubrel", messageId: isKept ? 8 : 7 });
      await broker.packet(({ cmd }) => cmd === "pubcomp");
      assert.deepEqual(
        node.messages.map(({ payload }) => String(payload)),
        expected,
      );
    });
  }
});

describe("SUBACK", () => {
  for (const [title, granted] of [
    ["without a code", []],
    ["with too few codes", [1]],
    ["with a code that is a refusal", [1, 128]],
  ] as const) {
    it(`${title}: what has no grant counts as refused, and is told`, async () => {
      const broker = await ScriptedBroker.start((packet, _reply, socket) => {
        if (packet.cmd !== "subscribe") return false;
        const codes = packet.subscriptions.length === 1 ? granted.slice(1) : granted;
        const id = packet.messageId ?? 0;
        // As bytes: the library that writes packets knows better than some brokers.
        socket.write(Buffer.from([0x90, 2 + codes.length, id >> 8, id & 0xff, ...codes]));
        return true;
      });
      const connection = connectionTo(broker);
      const nodes = ["a", "b"].map((id) => subscriber(deviceRequest(id)));
      const told = new Promise<string | undefined>((resolve) => {
        const last = nodes[1];
        if (last) last.refused = (reason) => resolve(reason?.code);
      });
      for (const node of nodes) connection.addSubscriber(node);
      connection.endDeploy();
      assert.equal(await told, "SUBSCRIPTION_REFUSED");
      assert.equal(await sendNumber(connection, 1), undefined);
    });
  }

  it("with too many codes grants what was asked for", async () => {
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "subscribe") return false;
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1, 128, 128] });
      return true;
    });
    const { node } = receiving(broker, false);
    await broker.packet(({ cmd }) => cmd === "subscribe");
    deliver(broker, "1");
    await node.upTo(1);
    assert.deepEqual(node.refusals, []);
  });
});

describe("a stream that is no MQTT any more", () => {
  const HALF = Buffer.concat([Buffer.from([0x30, 60, 0, PUMP.length]), Buffer.from(PUMP)]);
  const garbage: [string, Buffer][] = [
    ["bytes of no packet", Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ["a packet of type 0", Buffer.from([0x00, 0x00])],
    ["a length of five bytes", Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["a message at QoS 1 without an identifier", Buffer.from([0x32, 3, 0, 1, 97])],
    ["a message at QoS 2 without an identifier", Buffer.from([0x34, 3, 0, 1, 97])],
    ["a PUBREL without an identifier", Buffer.from([0x62, 0])],
    ["a PUBACK without an identifier", Buffer.from([0x40, 0])],
    ["a second CONNACK", Buffer.from([0x20, 2, 0, 0])],
  ];
  for (const [title, bytes] of garbage) {
    it(`${title}: the connection is made anew, and what waits is sent`, async () => {
      const { broker, connection } = await spoiled((socket) => socket.write(bytes));
      assert.equal(await sendNumber(connection, 2), undefined);
      assert.equal(broker.packets.filter(({ cmd }) => cmd === "connect").length, 2);
    });
  }

  it("that stops in the middle of a message and closes: nothing of it is delivered, the next is, once", async () => {
    const { broker, connection, node } = await spoiled((socket) => socket.end(HALF));
    await sendNumber(connection, 2);
    deliver(broker, "whole");
    await node.upTo(1);
    assert.deepEqual(
      node.messages.map(({ payload }) => String(payload)),
      ["whole"],
    );
  });

  it("that stops in the middle and stays open ends with the deadline of what is awaited", async () => {
    const { connection, node } = await spoiled((socket) => {
      socket.write(HALF);
      // What would come after it is part of it.
      socket.write = () => true;
    });
    assert.equal(await sendNumber(connection, 2), undefined);
    assert.deepEqual(node.messages, []);
  });

  for (const bytes of [
    [0x62, 0],
    [0x32, 3, 0, 1, 97],
  ]) {
    it(`ends the test of settings, and not the process (${bytes[0]?.toString(16)})`, async () => {
      const broker = await ScriptedBroker.start(({ cmd }, _reply, socket) => {
        if (cmd === "subscribe") socket.write(Buffer.from(bytes));
        return cmd === "subscribe";
      });
      const { settings } = connectionTo(broker);
      const [result] = await testConnection(settings, 1_000);
      assert.match(result?.error?.message ?? "", /identifier/);
    });
  }

  it("that is a CONNACK without a code does not leave the connection waiting", async () => {
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "connect") socket.write(Buffer.from([0x20, 0]));
      return packet.cmd === "connect";
    });
    const connection = openConnection(broker);
    const { reason } = await enters(connection, "offline");
    assert.match(reason.message, /CONNACK/);
  });

  it("that stops in the middle of CONNACK ends with the time-out of connecting", async () => {
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "connect") socket.write(Buffer.from([0x20, 0x02, 0x00]));
      return packet.cmd === "connect";
    });
    const connection = openConnection(broker, { timing: { connect: 50 } });
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "TIMED_OUT");
  });

  it("that begins a packet of 256 MB ends it after 16, with the reason", async () => {
    const chunk = Buffer.alloc(64 * 1_024, "x");
    let written = 0;
    const broker = await ScriptedBroker.start();
    const { connection } = receiving(broker, false);
    await broker.packet(({ cmd }) => cmd === "subscribe");
    const ended = enters(connection, "offline");
    const [socket] = broker.sockets;
    assert.ok(socket);
    const pour = () => {
      while (!socket.destroyed && written < 100 * 1_024 * 1_024) {
        written += chunk.length;
        if (!socket.write(chunk)) {
          socket.once("drain", pour);
          return;
        }
      }
    };
    socket.write(
      Buffer.concat([
        Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0, PUMP.length]),
        Buffer.from(PUMP),
      ]),
    );
    pour();
    const { reason } = await ended;
    assert.equal(reason.code, "PACKET_TOO_LARGE");
    assert.ok(written < 40 * 1_024 * 1_024, `${written} bytes`);
  });

  it("but a message of a megabyte is delivered, many of them too", async () => {
    const broker = await ScriptedBroker.start();
    const { node } = receiving(broker, false);
    await broker.packet(({ cmd }) => cmd === "subscribe");
    // To write so much takes this process a moment, in which SUBACK must not become late.
    deliver(broker, "first");
    await node.upTo(1);
    for (let count = 0; count < 30; count += 1) deliver(broker, "x".repeat(1_000_000));
    await node.upTo(31);
  });

  /** A connection whose first link is spoiled once it is subscribed. */
  async function spoiled(spoil: (socket: Socket) => void) {
    const broker = await ScriptedBroker.start();
    const { connection, node } = receiving(broker, false);
    await broker.packet(({ cmd }) => cmd === "subscribe");
    const [socket] = broker.sockets;
    assert.ok(socket);
    const names = stateNames(connection);
    spoil(socket);
    void sendNumber(connection, 1);
    while (!names.includes("online")) await enters(connection, "online");
    return { broker, connection, node };
  }
});

/** Of a connection to it that has one node, and a sender. */
function receiving(broker: ScriptedBroker, isOnline: boolean) {
  const connection: Connection = connectionTo(broker, { timing: { acknowledge: 200 } });
  const node = subscriber(deviceRequest("pump"));
  connection.addSubscriber(node);
  if (isOnline) connection.addSender({});
  connection.endDeploy();
  return { connection, node };
}

function deliver(broker: ScriptedBroker, payload: string): void {
  broker.send({ cmd: "publish", topic: PUMP, payload, qos: 0, dup: false, retain: false });
}

function welcome(isSessionPresent: () => boolean): Script {
  return ({ cmd }, reply) => {
    if (cmd !== "connect") return false;
    reply({ cmd: "connack", returnCode: 0, sessionPresent: isSessionPresent() });
    return true;
  };
}

function twice(to: "publish" | "pubrel", cmd: "puback" | "pubrec" | "pubcomp"): Script {
  return (packet, reply) => {
    if (packet.cmd !== to) return false;
    for (let time = 0; time < 2; time += 1) reply({ cmd, messageId: idOf(packet) });
    return true;
  };
}

function first(to: "publish" | "pubrel", answer: Parameters<Reply>[0]): Script {
  return (packet, reply) => {
    if (packet.cmd === to) reply(answer);
    return false;
  };
}

function idOf(packet: object): number {
  return (packet as { messageId?: number }).messageId ?? 0;
}
