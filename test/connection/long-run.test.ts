// What a broker may do over several connections that must neither lose an event nor hold up the others.
import { strict as assert } from "node:assert";
import type { Connection } from "../../nodes/connection/connection";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import type { M1Error } from "../../nodes/protocol/errors";
import { eventTopic } from "../../nodes/protocol/topics";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
  WHO,
} from "../support/connections";
import { numberOf, ScriptedBroker, stopBrokers } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

const PUMP = "1/demo-project/demo-user/pump/event";

afterEach(async () => {
  await closeConnections();
  await stopBrokers();
});

/** Sends an event of the device; resolves with the code of the error that it ends with, if any. */
function sendOf(connection: Connection, device: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const done = (error?: M1Error) => resolve(error?.code);
    connection.send({ topic: eventTopic(WHO, device), payload: "{}", qos: 1, done });
  });
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
    const broker = await ScriptedBroker.start((packet, reply, socket) => {
      if (packet.cmd !== "publish") return socket.destroyed;
      const state = socket as typeof socket & { waiting?: number };
      state.waiting = (state.waiting ?? 0) + 1;
      if (state.waiting > 20) {
        if (!socket.destroyed && !socket.writableEnded) {
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
    assert.deepEqual(new Set(await sendNumbers(connection, 100)), new Set([undefined]));
  });
});

describe("a broker in trouble that closes the connection on every event for a while, time and again", () => {
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
    for (let time = 0; time < 4; time += 1) {
      left = 40;
      assert.deepEqual(new Set(await sendNumbers(connection, 20, 2)), new Set([undefined]));
    }
  });

  it("costs at most the one event that it was tried with, and not all later ones on its topic", async () => {
    let isIll = true;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "publish" && isIll) socket.destroy();
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker);
    await sendOf(connection, "a");
    isIll = false;
    assert.equal(await sendOf(connection, "b"), undefined);
    assert.equal(await sendOf(connection, "a"), undefined);
  });
});

describe("a broker that answers PUBCOMP to what it does not know, and fails on the release of what it has", () => {
  for (const manner of ["closes the connection", "says nothing"] as const) {
    it(`gets the event at QoS 1 (it ${manner})`, async () => {
      const known = new Set<number>();
      const broker = await ScriptedBroker.start((packet, _reply, socket) => {
        if (socket.destroyed) return true;
        if (packet.cmd === "publish" && packet.qos === 2) known.add(packet.messageId ?? 0);
        if (packet.cmd !== "pubrel" || !known.has(packet.messageId ?? 0)) return false;
        // The answers to the other releases arrive first.
        if (manner === "closes the connection") setTimeout(() => socket.destroy(), 20);
        return true;
      });
      const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
      assert.equal(await sendNumber(connection, 1, 2), undefined);
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

describe("a QoS 2 message that is half done when the connection moves to a broker that knows another session", () => {
  it("is handed over as well as what comes there under its number", async () => {
    const message = { cmd: "publish", topic: PUMP, qos: 2, retain: false, dup: false } as const;
    const second = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd === "connect") {
        reply({ cmd: "connack", returnCode: 0, sessionPresent: true });
        reply({ ...message, payload: "second", messageId: 7 });
      }
      if (packet.cmd === "pubrec") reply({ cmd: "pubrel", messageId: 7 });
      return packet.cmd === "connect";
    });
    let isUp = true;
    const first = await ScriptedBroker.start((packet, _reply, socket) => {
      isUp &&= packet.cmd !== "pubrec";
      if (!isUp) socket.destroy();
      return !isUp;
    });
    const node = subscriber(deviceRequest("pump"));
    const connection = connectionTo(first, {
      settings: { brokers: [parseBrokerUrl(first.url), parseBrokerUrl(second.url)] },
    });
    connection.addSubscriber(node);
    connection.endDeploy();
    await first.packet(({ cmd }) => cmd === "subscribe");
    first.send({ ...message, payload: "first", messageId: 7 });
    await second.packet(({ cmd }) => cmd === "pubcomp");
    assert.deepEqual(
      node.messages.map(({ payload }) => String(payload)),
      ["first", "second"],
    );
  });
});

describe("an acknowledgement that never comes, while QoS 2 events go through", () => {
  for (const qos of [1, 2] as const) {
    it(`is noticed, of an event at QoS ${qos}`, async () => {
      let missing: number | undefined;
      const broker = await ScriptedBroker.start((packet) => {
        const isFirst = packet.cmd === "publish" && numberOf(packet) === 1;
        if (isFirst) missing = packet.messageId;
        // Of QoS 1 the PUBACK, of QoS 2 the PUBCOMP.
        return qos === 1 ? isFirst : packet.cmd === "pubrel" && packet.messageId === missing;
      });
      const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
      await sendNumber(connection, 0, 2);
      const lost = enters(connection, "offline");
      void sendNumber(connection, 1, qos);
      let others = 1;
      const sendMore = () => {
        others += 1;
        if (connection.state.name === "online")
          void sendNumber(connection, others, 2).then(sendMore);
      };
      sendMore();
      assert.equal((await lost).reason.code, "KEEPALIVE_LOST");
    });
  }
});

describe("a topic that the broker has borne, and bears no more", () => {
  it("holds up the others for a bounded number of tries", async () => {
    let isBad = false;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (isBad && packet.cmd === "publish" && packet.topic.endsWith("/a")) socket.destroy();
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker);
    await sendOf(connection, "a");
    isBad = true;
    const bad = sendOf(connection, "a");
    assert.equal(await sendOf(connection, "b"), undefined);
    assert.equal(await bad, "EVENT_HANGS_UP");
  });
});

describe("a broker that takes a packet every 20 ms", () => {
  it("is not taken for a dead one, though the first step of what is in flight takes longer than the deadline", async () => {
    const answers: (() => void)[] = [];
    const timer = setInterval(() => answers.shift()?.(), 20);
    try {
      const broker = await ScriptedBroker.start((packet, reply) => {
        const messageId = "messageId" in packet ? (packet.messageId ?? 0) : 0;
        if (packet.cmd === "publish") answers.push(() => reply({ cmd: "pubrec", messageId }));
        else if (packet.cmd === "pubrel") answers.push(() => reply({ cmd: "pubcomp", messageId }));
        else return false;
        return true;
      });
      const connection = await onlineConnection(broker, {
        settings: { cleanSession: true },
        timing: { acknowledge: 300 },
      });
      const names = stateNames(connection);
      await sendNumbers(connection, 64, 2);
      assert.deepEqual(names, []);
    } finally {
      clearInterval(timer);
    }
  });
});

describe("a broker that keeps the session and cannot bear UNSUBSCRIBE", () => {
  for (const [how, react] of [
    ["closes the connection on it", (socket: { destroy(): void }) => socket.destroy()],
    ["never answers it", () => undefined],
  ] as const) {
    it(`and ${how}: gets it three times, and then the events`, async () => {
      const broker = await ScriptedBroker.start((packet, reply, socket) => {
        if (packet.cmd === "connect") {
          reply({ cmd: "connack", returnCode: 0, sessionPresent: true });
          return true;
        }
        if (packet.cmd === "unsubscribe") react(socket);
        return packet.cmd === "unsubscribe";
      });
      const connection = connectionTo(broker, { timing: { acknowledge: 100 } });
      connection.addSender({});
      const [pump, valve] = [subscriber(deviceRequest("pump")), subscriber(deviceRequest("valve"))];
      for (const node of [pump, valve]) connection.addSubscriber(node);
      connection.endDeploy();
      await broker.packet(({ cmd }) => cmd === "subscribe");
      await reaches(connection, "online");
      connection.removeSubscriber(valve);
      connection.endDeploy();

      const fates = await sendNumbers(connection, 20);

      assert.deepEqual(new Set(fates), new Set([undefined]));
      const gaveUp = () => broker.packets.filter(({ cmd }) => cmd === "unsubscribe").length;
      while (gaveUp() < 3) await enters(connection, "online");
      assert.equal(await sendNumber(connection, 20), undefined);
      assert.equal(gaveUp(), 3);
    });
  }
});

describe("an event that a broker", () => {
  const BAD = eventTopic(WHO, "bad");

  for (const { how, react, fate } of [
    { how: "never answers", react: () => undefined, fate: "EVENT_UNANSWERED" },
    {
      how: "answers with what is no MQTT",
      react: (socket: { write(bytes: Buffer): unknown }) => socket.write(Buffer.from([0, 0])),
      fate: "EVENT_UNANSWERED",
    },
  ] as const) {
    it(`${how} goes into quarantine when it has taken others at the same time, and holds up nothing after that`, async () => {
      let tries = 0;
      const broker = await ScriptedBroker.start((packet, _reply, socket) => {
        if (packet.cmd !== "publish" || packet.topic !== BAD) return false;
        tries += 1;
        react(socket);
        return true;
      });
      const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
      await sendNumber(connection, 1);

      const bad = sendOf(connection, "bad");
      const behind = sendNumbers(connection, 20);

      assert.equal(await bad, fate);
      assert.deepEqual(new Set(await behind), new Set([undefined]));
      // Each time another one was taken over the same connection.
      assert.equal(tries, 6);
      // What is known of the topic is not found out again.
      assert.equal(await sendOf(connection, "bad"), "TOPIC_UNANSWERED");
      assert.equal(tries, 6);
    });
  }

  it("does not answer, as it answers nothing at all for a while, is not lost, and nor is any other", async () => {
    let isFrozen = false;
    let connections = 0;
    const broker = await ScriptedBroker.start(({ cmd }) => {
      if (cmd === "connect") connections += 1;
      return isFrozen && cmd !== "connect";
    });
    const connection = await onlineConnection(broker, { timing: { acknowledge: 20 } });
    await sendNumber(connection, 1);
    isFrozen = true;

    const fates = sendNumbers(connection, 20);
    while (connections < 40) await enters(connection, "offline");
    isFrozen = false;

    assert.deepEqual(new Set(await fates), new Set([undefined]));
  });
});
