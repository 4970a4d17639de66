// What a broker may do over several connections that must neither lose an event nor hold up the others.
import { strict as assert } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import type { Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import type { M1Error } from "../../nodes/protocol/errors";
import type { QoS } from "../../nodes/protocol/settings";
import { eventTopic } from "../../nodes/protocol/topics";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  reaches,
  sendNumber,
  sendNumbers,
  WHO,
} from "../support/connections";
import { ScriptedBroker, stopBrokers } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

const PUMP = "1/demo-project/demo-user/pump/event";

afterEach(async () => {
  await closeConnections();
  await stopBrokers();
});

function sendOn(
  connection: Connection,
  device: string,
  qos: QoS = 1,
  data = "{}",
): Promise<M1Error | undefined> {
  return new Promise((resolve) => {
    const payload = JSON.stringify({ event_data: data });
    connection.send({ topic: eventTopic(WHO, device), payload, qos, done: resolve });
  });
}

function numberOf(packet: Packet): number {
  if (packet.cmd !== "publish") throw new TypeError();
  return JSON.parse(packet.payload.toString()).event_data.number;
}

/** What it resolves with, or "stuck" after so many milliseconds. */
function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | "stuck"> {
  return Promise.race([promise, pause(milliseconds, "stuck" as const)]);
}

function code(fate: M1Error | "stuck" | undefined): string | undefined {
  return fate === "stuck" ? fate : fate?.code;
}

describe("a broker that keeps QoS 2 exchanges, as MQTT-4.3.3 has it,", () => {
  it("gets every event, whatever connections have broken before", async () => {
    /** By identifier: received and not released. They outlive connections: the session is kept. */
    const halfDone = new Map<number, number>();
    const delivered = new Set<number>();
    let breaksAtRelease = 0;
    let received = 0;
    let breakAfter = Number.POSITIVE_INFINITY;
    let isFirst = true;
    const broker = await ScriptedBroker.start((packet, reply, socket) => {
      if (socket.destroyed) return true;
      if (packet.cmd === "connect") {
        reply({ cmd: "connack", returnCode: 0, sessionPresent: !isFirst });
        isFirst = false;
        return true;
      }
      if (packet.cmd === "publish" && packet.qos === 1) delivered.add(numberOf(packet));
      if (packet.cmd === "publish" && packet.qos === 2) {
        const messageId = packet.messageId ?? 0;
        if (!halfDone.has(messageId)) halfDone.set(messageId, numberOf(packet));
        received += 1;
        if (received === breakAfter) {
          socket.destroy();
          return true;
        }
        reply({ cmd: "pubrec", messageId });
        return true;
      }
      if (packet.cmd === "pubrel") {
        if (breaksAtRelease > 0) {
          breaksAtRelease -= 1;
          socket.destroy();
          return true;
        }
        const messageId = packet.messageId ?? 0;
        const number = halfDone.get(messageId);
        if (number !== undefined) delivered.add(number);
        halfDone.delete(messageId);
      }
      return false;
    });
    const connection = await onlineConnection(broker);
    const sent: number[] = [];
    let next = 0;
    const send = (count: number) => {
      const numbers = Array.from({ length: count }, () => next++);
      sent.push(...numbers);
      return Promise.all(numbers.map((number) => sendNumber(connection, number, 2)));
    };
    await send(5);
    // Twice in the life of the process a connection breaks as it begins its first exchange; much goes well in between.
    for (let time = 0; time < 2; time += 1) {
      const back = enters(connection, "offline").then(() => reaches(connection, "online"));
      for (const socket of broker.sockets) socket.destroy();
      await back;
      breaksAtRelease = 1;
      await send(1);
      await send(100);
    }
    // And some time later in the midst of others.
    breakAfter = received + 30;
    const fates = await send(100);
    assert.deepEqual(new Set(fates), new Set([undefined]), "all are acknowledged");
    await send(100);
    assert.deepEqual(
      sent.filter((number) => !delivered.has(number)),
      [],
      "acknowledged and lost",
    );
  });
});

describe("an MQTT 5 broker that says 'message rate too high' to a burst", () => {
  it("gets the events at a pace that it bears", async () => {
    let tries = 0;
    const broker = await ScriptedBroker.start((packet, reply, socket) => {
      if (packet.cmd !== "publish") return socket.destroyed;
      const state = socket as typeof socket & { waiting?: number };
      state.waiting = (state.waiting ?? 0) + 1;
      if (state.waiting > 20) {
        if (!socket.destroyed && !socket.writableEnded) {
          tries += 1;
          reply({ cmd: "disconnect", reasonCode: 0x96 });
          socket.end();
        }
        return true;
      }
      setTimeout(() => {
        if (socket.destroyed || socket.writableEnded) return;
        state.waiting = (state.waiting ?? 0) - 1;
        reply({ cmd: "puback", messageId: packet.messageId ?? 0 });
      }, 5);
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    const fates = await within(5_000, sendNumbers(connection, 100));
    assert.notEqual(fates, "stuck", `${connection.outbox.size} of 100 wait after ${tries} tries`);
  });
});

describe("a broker in trouble that closes the connection on every event for a while", () => {
  it("costs no event at QoS 2 either, though it took some before", async () => {
    let left = 0;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "publish" || left === 0) return false;
      left -= 1;
      socket.destroy();
      return true;
    });
    const connection = await onlineConnection(broker);
    await sendNumbers(connection, 50, 2, 1_000);
    left = 40;
    const fates = await sendNumbers(connection, 20, 2);
    assert.deepEqual(
      fates.flatMap((fate) => (fate ? [fate.code] : [])),
      [],
    );
  });

  it("costs at most the one event that it was tried with, and not all later ones on its topic", async () => {
    let isIll = true;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "publish" && isIll) socket.destroy();
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker);
    await sendOn(connection, "a");
    isIll = false;
    assert.equal(await sendOn(connection, "b"), undefined);
    const later = await Promise.all([1, 2, 3].map(() => sendOn(connection, "a")));
    assert.deepEqual(later.map(code), [undefined, undefined, undefined]);
  });
});

describe("a broker that answers PUBCOMP to what it does not know, and fails on the release of what it has", () => {
  for (const manner of ["closes the connection", "says nothing"] as const) {
    it(`gets the event at QoS 1 (it ${manner})`, async () => {
      const known = new Set<number>();
      let tries = 0;
      const broker = await ScriptedBroker.start((packet, _reply, socket) => {
        if (socket.destroyed) return true;
        if (packet.cmd === "publish" && packet.qos === 2) known.add(packet.messageId ?? 0);
        if (packet.cmd !== "pubrel" || !known.has(packet.messageId ?? 0)) return false;
        tries += 1;
        // The answers to the other releases arrive first.
        if (manner === "closes the connection") setTimeout(() => socket.destroy(), 20);
        return true;
      });
      const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
      const fate = await within(4_000, sendNumber(connection, 1, 2));
      assert.equal(code(fate), undefined, `${tries} tries`);
    });
  }
});

describe("a QoS 2 message whose PUBREC is lost, in a cluster with two addresses", () => {
  it("is handed over once", async () => {
    let isResent = false;
    const message = { cmd: "publish", topic: PUMP, payload: "x", qos: 2, retain: false } as const;
    const second = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd === "connect") reply({ cmd: "connack", returnCode: 0, sessionPresent: true });
      // MQTT-4.4.0-1: what was not acknowledged is sent again.
      if (packet.cmd === "connect") reply({ ...message, dup: true, messageId: 7 });
      if (packet.cmd === "pubrec") reply({ cmd: "pubrel", messageId: 7 });
      isResent ||= packet.cmd === "pubcomp";
      return packet.cmd === "connect";
    });
    let isUp = true;
    const first = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "pubrec") {
        isUp = false;
        socket.destroy();
      } else if (!isUp) socket.destroy();
      return !isUp;
    });
    const connection = connectionTo(first, {
      settings: { brokers: [parseBrokerUrl(first.url), parseBrokerUrl(second.url)] },
    });
    const node = subscriber(deviceRequest("pump"));
    connection.addSubscriber(node);
    connection.endDeploy();
    await first.packet(({ cmd }) => cmd === "subscribe");
    first.send({ ...message, dup: false, messageId: 7 });
    await second.packet(({ cmd }) => cmd === "pubcomp");
    assert.ok(isResent);
    assert.deepEqual(
      node.messages.map(({ payload }) => String(payload)),
      ["x"],
    );
  });
});
