// What a connection makes of a broker that closes the connection, or says nothing more: who is to blame, and what follows.
import { strict as assert } from "node:assert";
import type { Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { DisconnectDiagnosis } from "../../nodes/connection/disconnect-diagnosis";
import { TIMING, type Timing } from "../../nodes/connection/timing";
import { Outbox } from "../../nodes/outbox/outbox";
import type { M1Error } from "../../nodes/protocol/errors";
import { eventTopic } from "../../nodes/protocol/topics";
import { Sandbox } from "../../sandbox/sandbox";
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
import { numberOf, type Script, ScriptedBroker, stopBrokers } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

afterEach(async () => {
  await closeConnections();
  await stopBrokers();
});

/** Closes the connection whenever it reads the event with this number. */
function cannotBear(number: number): Script {
  return (packet, _reply, socket) => {
    const hangsUp = packet.cmd === "publish" && numberOf(packet) === number;
    if (hangsUp) socket.destroy();
    return hangsUp || socket.destroyed;
  };
}

/** The codes of the losses from now on. */
function offlineReasons(connection: Connection): string[] {
  const reasons: string[] = [];
  connection.on("state", (state) => {
    if (state.name === "offline") reasons.push(state.reason.code);
  });
  return reasons;
}

async function offlineTimes(connection: Connection, times: number) {
  for (let time = 1; time < times; time += 1) {
    await enters(connection, "offline");
    await reaches(connection, "online");
  }
  return enters(connection, "offline");
}

describe("an event on which the broker closes the connection every time", () => {
  it("goes into quarantine after three tries, and all others are delivered in order", async () => {
    const broker = await ScriptedBroker.start(cannotBear(7));
    const connection = await onlineConnection(broker);

    const fates = await sendNumbers(connection, 20);

    assert.equal(fates[7]?.code, "EVENT_HANGS_UP");
    assert.deepEqual(fates.filter((fate) => fate !== undefined).length, 1);
    const publishes = broker.packets.filter(({ cmd }) => cmd === "publish").map(numberOf);
    assert.equal(publishes.filter((number) => number === 7).length, 3);
    const others = [...new Set(publishes)].filter((number) => number !== 7);
    assert.deepEqual(
      others,
      [...others].sort((one, other) => one - other),
    );
    assert.equal(connection.outbox.size, 0);
  });

  it("is found in a few disconnects, although none before it is acknowledged by then", async () => {
    let diagnosis = 0;
    const broker = await ScriptedBroker.start((packet, reply, socket) => {
      if (packet.cmd !== "publish") return false;
      if (numberOf(packet) === 40) {
        diagnosis += 1;
        socket.destroy();
      }
      setTimeout(() => reply({ cmd: "puback", messageId: packet.messageId ?? 0 }), 10);
      return true;
    });
    const connection = await onlineConnection(broker);

    const fates = await sendNumbers(connection, 60);

    assert.equal(fates[40]?.code, "EVENT_HANGS_UP");
    // Windows of 1, 2, 4, 8, 16 and 32 lead to it; three more are its own.
    assert.ok(diagnosis <= 10, `${diagnosis} disconnects`);
  });

  it("is not taken for a clash of client ids", async () => {
    const broker = await ScriptedBroker.start(cannotBear(0));
    const connection = await onlineConnection(broker);
    const reasons = offlineReasons(connection);

    await sendNumber(connection, 0);

    assert.ok(!reasons.includes("CLIENT_ID_CLASH"), reasons.join());
  });

  for (const bad of [1, 700]) {
    it(`is not taken for a clash as number ${bad} of a thousand, however many disconnects lead to it`, async () => {
      const taken = new Set<number>();
      const broker = await ScriptedBroker.start((packet, reply, socket) => {
        if (packet.cmd !== "publish") return false;
        const number = numberOf(packet);
        if (number === bad) socket.destroy();
        setTimeout(() => {
          if (socket.destroyed) return;
          taken.add(number);
          reply({ cmd: "puback", messageId: packet.messageId ?? 0 });
        }, 5);
        return true;
      });
      const connection = await onlineConnection(broker);
      const reasons = offlineReasons(connection);

      const fates = await sendNumbers(connection, 1_000);

      assert.equal(fates[bad]?.code, "EVENT_HANGS_UP");
      assert.ok(!reasons.includes("CLIENT_ID_CLASH"), reasons.join());
      const others = Array.from({ length: 1_000 }, (_, number) => number);
      others.splice(bad, 1);
      assert.deepEqual([...taken], others);
    });
  }

  it("is not taken for a clash if there are many of its kind", async () => {
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "publish") socket.destroy();
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker);
    const reasons = offlineReasons(connection);

    for (const number of [1, 2, 3, 4, 5]) {
      assert.equal((await sendNumber(connection, number))?.code, "EVENT_HANGS_UP");
    }

    assert.ok(!reasons.includes("CLIENT_ID_CLASH"), reasons.join());
  });

  it("does not go into quarantine if the broker bears it the third time", async () => {
    let diagnosis = 0;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "publish" && ++diagnosis <= 2) socket.destroy();
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker);

    assert.equal(await sendNumber(connection, 1), undefined);
    assert.equal(diagnosis, 3);
  });
});

describe("a broker in trouble, which closes the connection on every event for a while,", () => {
  const CLOSES = 40;

  it("costs none, however often the oldest of them is hit: it has to take an earlier one again first", async () => {
    let left = 0;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "publish" || left === 0) return false;
      left -= 1;
      socket.destroy();
      return true;
    });
    const connection = await onlineConnection(broker);
    assert.equal(await sendNumber(connection, 1_000), undefined);
    left = CLOSES;
    const fates = await sendNumbers(connection, 100);
    assert.deepEqual(new Set(fates), new Set([undefined]));
    assert.equal(left, 0);
    const numbers = broker.packets.flatMap((packet) =>
      packet.cmd === "publish" ? [numberOf(packet)] : [],
    );
    assert.equal(numbers.at(-1), 99);
    const firsts = [...new Set(numbers)];
    assert.deepEqual(firsts, [1_000, ...firsts.slice(1).sort((one, other) => one - other)]);
  });

  it("is not taken for another client with the same id", async () => {
    let isIll = false;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "publish" || !isIll) return false;
      socket.destroy();
      return true;
    });
    const connection = await onlineConnection(broker);
    await sendNumber(connection, 1_000);
    isIll = true;
    const reasons = offlineReasons(connection);
    const fate = sendNumber(connection, 1);
    while (reasons.length < 12) await enters(connection, "offline");
    assert.deepEqual(new Set(reasons), new Set(["CONNECTION_CLOSED"]));
    isIll = false;
    assert.equal(await fate, undefined);
  });
});

describe("a topic on which the broker closes the connection every time", () => {
  interface Outcome {
    readonly good: number[];
    readonly codes: Map<string, number>;
    readonly disconnects: number;
    readonly warnings: string[];
  }

  /** What becomes of so many events, each twentieth of them on the bad topic. */
  async function outcome(count: number, timing: Partial<Timing>): Promise<Outcome> {
    const good: number[] = [];
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "publish") return socket.destroyed;
      if (packet.topic.endsWith("/bad")) socket.destroy();
      else if (!socket.destroyed) good.push(numberOf(packet));
      return socket.destroyed;
    });
    const connection = await onlineConnection(broker, { timing });
    const reasons = offlineReasons(connection);
    const warnings: string[] = [];
    connection.on("warning", ({ code }) => warnings.push(code));
    const codes = new Map<string, number>();
    const event = (number: number) =>
      new Promise<void>((resolve) => {
        const topic = eventTopic(WHO, number % 20 === 3 ? "bad" : `good-${number % 7}`);
        const payload = JSON.stringify({ event_data: { number } });
        const done = (error?: M1Error) => {
          const code = error?.code ?? "delivered";
          codes.set(code, (codes.get(code) ?? 0) + 1);
          resolve();
        };
        connection.send({ topic, payload, qos: 1, done });
      });
    await Promise.all(Array.from({ length: count }, (_, number) => event(number)));
    return { good, codes, disconnects: reasons.length, warnings };
  }

  it("costs three disconnects once, and a few to find it; then its events go into quarantine at once", async () => {
    const { good, codes, disconnects, warnings } = await outcome(2_000, {});

    assert.deepEqual(Object.fromEntries(codes), {
      delivered: 1_900,
      EVENT_HANGS_UP: 1,
      TOPIC_HANGS_UP: 99,
    });
    assert.ok(disconnects <= 15, `${disconnects} disconnects`);
    assert.deepEqual(warnings, ["TOPIC_HANGS_UP"]);
    const first = [...new Set(good)];
    assert.deepEqual(
      first,
      [...first].sort((one, other) => one - other),
    );
  });

  it("keeps ten thousand good events among and behind five hundred for less than thirty seconds", async () => {
    const { firstRetry, longestRetry } = TIMING;
    const start = performance.now();
    const { codes } = await outcome(10_500, { firstRetry, longestRetry });
    assert.equal(codes.get("delivered"), 9_975);
    assert.ok(performance.now() - start < 30_000);
  }).timeout(60_000);
});

describe("an event that was blamed and then dropped", () => {
  it("does not slow down those after it", async () => {
    let hangsUp = true;
    const held: (() => void)[] = [];
    const broker = await ScriptedBroker.start((packet, reply, socket) => {
      if (packet.cmd !== "publish" || numberOf(packet) === 1) return false;
      if (hangsUp) socket.destroy();
      held.push(() => reply({ cmd: "puback", messageId: packet.messageId ?? 0 }));
      return true;
    });
    const outbox = new Outbox({
      limit: 3,
      full: "drop-oldest",
      bytes: Number.POSITIVE_INFINITY,
      maxAge: Number.POSITIVE_INFINITY,
    });
    const connection = await onlineConnection(broker, { outbox });
    const dropped = sendNumber(connection, 0);
    await enters(connection, "offline");
    hangsUp = false;
    held.length = 0;

    const others = [1, 2, 3].map((number) => sendNumber(connection, number));
    assert.equal((await dropped)?.code, "OUTBOX_DROPPED");
    const isLast = (packet: Packet) => packet.cmd === "publish" && numberOf(packet) === 3;
    await broker.packet(isLast);

    assert.equal(held.length, 2);
    for (const acknowledge of held) acknowledge();
    assert.deepEqual(await Promise.all(others), [undefined, undefined, undefined]);
  });
});

describe("a link that breaks while the same event is on its way", () => {
  it("is not blamed on the event if that was sent long before", async () => {
    let breaks = 4;
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd !== "publish" || breaks === 0) return false;
      breaks -= 1;
      setTimeout(() => socket.resetAndDestroy(), 30);
      return true;
    });
    const connection = await onlineConnection(broker, { timing: { blame: 10 } });

    assert.equal(await sendNumber(connection, 1), undefined);
    assert.equal(breaks, 0);
  });
});

describe("a client id that another client uses too", () => {
  it("is named after three takeovers, and waits the longest from the fourth on", async () => {
    const broker = await ScriptedBroker.start();
    const connection = await onlineConnection(broker, { timing: { longestRetry: 50 } });
    const hangUp = () => {
      for (const socket of broker.sockets) socket.destroy();
    };
    connection.on("state", ({ name }) => name === "online" && setImmediate(hangUp));
    hangUp();

    const { reason } = await offlineTimes(connection, 3);
    const { retryIn } = await offlineTimes(connection, 1);

    assert.equal(reason.code, "CLIENT_ID_CLASH");
    assert.ok(reason.message.includes(connection.settings.clientId), reason.message);
    assert.equal(retryIn, 50);
  });

  it("is named on both sides while both send", async () => {
    const sandbox = new Sandbox({ port: 0 });
    await sandbox.start();
    const settings = { clientId: "shared-by-two" };
    const timing = { firstRetry: 20, longestRetry: 50 };
    const both = [1, 2].map(() => connectionTo(sandbox, { settings, timing }));
    const named = both.map((connection) => {
      connection.on("state", ({ name }) => name === "online" && void sendNumbers(connection, 3));
      return new Promise<void>((resolve) => {
        connection.on("state", (state) => {
          if (state.name === "offline" && state.reason.code === "CLIENT_ID_CLASH") resolve();
        });
      });
    });

    for (const connection of both) {
      connection.addSender({});
      connection.endDeploy();
    }

    await Promise.all(named);
    await closeConnections();
    await sandbox.stop();
  });

  it("is believed of an MQTT 5 broker, and blamed on no event", async () => {
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd === "publish") reply({ cmd: "disconnect", reasonCode: 142 });
      return packet.cmd === "publish";
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    void sendNumber(connection, 1);

    const { reason } = await offlineTimes(connection, 4);

    assert.equal(reason.code, "CLIENT_ID_CLASH");
    assert.equal(connection.outbox.size, 1);
  });

  it("is not suspected of an MQTT 5 broker that leaves for a reason of its own, nor is an event", async () => {
    let leaves = 5;
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "publish" || leaves === 0) return false;
      leaves -= 1;
      reply({ cmd: "disconnect", reasonCode: 0x8b });
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    const reasons = offlineReasons(connection);

    assert.equal(await sendNumber(connection, 1), undefined);

    assert.deepEqual(reasons, Array(5).fill("BROKER_UNAVAILABLE"));
  });

  it("is not suspected if the broker could not be reached in between", async () => {
    let refuses = false;
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "connect" || !refuses) return false;
      reply({ cmd: "connack", returnCode: 3, sessionPresent: false });
      return true;
    });
    const connection = await onlineConnection(broker);
    for (let time = 1; time <= 4; time += 1) {
      refuses = true;
      const lost = enters(connection, "offline");
      for (const socket of broker.sockets) socket.destroy();
      assert.equal((await lost).reason.code, "CONNECTION_CLOSED");
      await enters(connection, "offline");
      refuses = false;
      await reaches(connection, "online");
    }
  });

  it("is forgotten once a connection has held", async () => {
    const broker = await ScriptedBroker.start();
    const connection = await onlineConnection(broker, { timing: { stable: 20 } });
    for (let time = 1; time <= 4; time += 1) {
      await new Promise((resolve) => connection.once("stable", () => resolve(undefined)));
      const lost = enters(connection, "offline");
      for (const socket of broker.sockets) socket.destroy();
      assert.equal((await lost).reason.code, "CONNECTION_CLOSED");
      await reaches(connection, "online");
    }
  });
});

describe("a link that takes everything and says nothing", () => {
  it("is given up, too, when it answers other events, but never this one", async () => {
    let silent = true;
    const broker = await ScriptedBroker.start((packet) => {
      const passedOver = packet.cmd === "publish" && silent && numberOf(packet) === 0;
      return passedOver;
    });
    const connection = await onlineConnection(broker, { timing: { acknowledge: 100 } });
    const fate = sendNumber(connection, 0);
    const lost = enters(connection, "offline");
    let others = 0;
    const sendOn = () => {
      others += 1;
      if (connection.state.name === "online") void sendNumber(connection, others).then(sendOn);
    };
    sendOn();

    assert.equal((await lost).reason.code, "KEEPALIVE_LOST");
    assert.ok(others > 1, "no other event was answered");

    silent = false;
    assert.equal(await fate, undefined);
  });

  it("is given up when no acknowledgement comes, and the event is sent again", async () => {
    let silent = true;
    const broker = await ScriptedBroker.start((packet) => packet.cmd === "publish" && silent);
    const connection = await onlineConnection(broker, { timing: { acknowledge: 50 } });
    const fate = sendNumber(connection, 1);

    const { reason } = await enters(connection, "offline");
    silent = false;

    assert.equal(reason.code, "KEEPALIVE_LOST");
    assert.equal(await fate, undefined);
  });

  for (const request of ["subscribe", "unsubscribe"] as const) {
    it(`is given up when no answer to ${request} comes`, async () => {
      const broker = await ScriptedBroker.start((packet) => packet.cmd === request);
      const connection = connectionTo(broker, { timing: { acknowledge: 50 } });
      const leaving = subscriber(deviceRequest("d-1"));
      connection.addSender({});
      connection.addSubscriber(leaving);
      connection.endDeploy();
      if (request === "unsubscribe") {
        await broker.packet(({ cmd }) => cmd === "subscribe");
        connection.removeSubscriber(leaving);
        connection.endDeploy();
      }

      const { reason } = await enters(connection, "offline");

      assert.equal(reason.code, "KEEPALIVE_LOST");
    });
  }

  it("is no reason to give up while acknowledgements come, however slowly", async () => {
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      const puback = { cmd: "puback", messageId: packet.messageId ?? 0 } as const;
      setTimeout(() => reply(puback), 40 * (numberOf(packet) + 1));
      return true;
    });
    const connection = await onlineConnection(broker, { timing: { acknowledge: 400 } });
    const lost = enters(connection, "offline").then(() => "lost");

    const first = await Promise.race([sendNumbers(connection, 15), lost]);

    assert.notEqual(first, "lost");
  });
});

describe("disconnects in a row", () => {
  it("are a clash at the fifteenth when the search for a bad event finds none", () => {
    const { remove, cause } = scene(1_000);
    const causes: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      if (round > 0) remove(round - 1, round - 1);
      causes.push(cause(round, 999));
    }
    assert.equal(causes.indexOf("clash") + 1, 15, causes.join());
  });

  /** A window of so many events, and the causes that hang-ups in it are put down to. */
  function scene(count: number) {
    const event = { topic: "", payload: "", qos: 1, done: () => undefined } as const;
    const events = Array.from({ length: count }, () => ({ ...event, removed: false }));
    const diagnosis = new DisconnectDiagnosis({ blame: 10, clash: 100 }, () => 0);
    const at = (index: number) => events[index] as (typeof events)[number];
    return {
      diagnosis,
      remove(from: number, to: number) {
        for (let index = from; index <= to; index += 1) at(index).removed = true;
      },
      /** As `cause`, where the broker says nothing any more. */
      silence(index: number, isProven: boolean) {
        return diagnosis.silent({ oldest: at(index), newest: at(index) }, isProven);
      },
      answer(index: number) {
        diagnosis.answered(at(index));
      },
      /** While those from `oldest` to `newest` are in flight. */
      cause(oldest: number, newest: number, isProven = true) {
        diagnosis.sent(at(oldest));
        return diagnosis.disconnected({ oldest: at(oldest), newest: at(newest) }, isProven).cause;
      },
    };
  }

  it("are the search for a bad event as long as the newest in flight at the first is not removed", () => {
    const { remove, cause } = scene(10);
    const causes = [cause(0, 9)];
    for (const oldest of [1, 2, 3, 4]) {
      remove(oldest - 1, oldest - 1);
      causes.push(cause(oldest, oldest + 1));
    }
    // In vain three times: from then on it is not hurried any more.
    assert.deepEqual(causes, ["chance", "search", "search", "search", "chance"]);
  });

  it("are takeovers if what was in flight the time before is removed, however that came", () => {
    const { remove, cause } = scene(10);
    const causes: string[] = [];
    for (const oldest of [0, 2, 4]) {
      causes.push(cause(oldest, oldest + 1));
      remove(oldest, oldest + 1);
    }
    assert.deepEqual(causes, ["chance", "chance", "clash"]);
  });

  it("are takeovers if nothing is in flight", () => {
    const { diagnosis, cause } = scene(10);
    cause(0, 9);
    const causes = [1, 2].map(() => diagnosis.disconnected(undefined, true).cause);
    assert.deepEqual(causes, ["chance", "clash"]);
  });

  it("are no proof against an event before the sixth, unless the broker takes another one meanwhile", () => {
    const { diagnosis, cause } = scene(10);
    const needs: boolean[] = [];
    const causes = [1, 2, 3, 4, 5].map(() => {
      const found = cause(0, 0, false);
      needs.push(diagnosis.needsProof !== undefined);
      return found;
    });
    assert.deepEqual(causes, ["chance", "search", "search", "search", "chance"]);
    assert.deepEqual(needs, [false, true, true, true, true]);
    assert.equal(cause(0, 0, false), "event");
    const other = scene(10);
    assert.deepEqual(
      [false, false, true].map((isProven) => other.cause(0, 0, isProven)),
      ["chance", "search", "event"],
    );
  });

  it("count anew once a bad event is found", () => {
    const { remove, cause } = scene(10);
    const causes: string[] = [];
    for (const index of [0, 1, 2]) {
      causes.push(cause(index, index), cause(index, index), cause(index, index));
      remove(index, index);
    }
    assert.deepEqual(
      causes,
      [1, 2, 3].flatMap(() => ["chance", "search", "event"]),
    );
  });

  it("and silences are counted apart: one of each does not make two", () => {
    const { silence, cause } = scene(10);
    const causes = [silence(0, true).cause, silence(0, true).cause, cause(0, 0), cause(0, 0)];
    assert.equal(causes.includes("event"), false);
    assert.equal(cause(0, 0), "event");
  });

  describe("in silence", () => {
    it("are an event's fault at the sixth over connections that have taken another one", () => {
      const { silence } = scene(10);
      for (const _ of [1, 2, 3, 4, 5]) assert.notEqual(silence(0, true).cause, "event");

      const verdict = silence(0, true);

      assert.ok(verdict.cause === "event");
      assert.deepEqual([verdict.times, verdict.isUnanswered], [6, true]);
    });

    it("are nobody's fault, however many, where the broker takes nothing", () => {
      const { diagnosis, silence } = scene(10);
      const causes = Array.from({ length: 100 }, () => silence(0, false).cause);

      assert.deepEqual(new Set(causes), new Set(["chance"]));
      assert.equal(diagnosis.needsProof?.topic, "");
      // They count for no more than that proof is needed.
      const proven = [1, 2, 3, 4].map(() => silence(0, true).cause);
      assert.deepEqual(
        proven.map((cause) => cause === "event"),
        [false, false, false, true],
      );
    });

    it("count anew for an event that is answered, and for another one", () => {
      const { silence, answer } = scene(10);
      for (const _ of [1, 2, 3, 4, 5]) silence(0, true);
      answer(0);
      for (const _ of [1, 2, 3, 4, 5]) assert.notEqual(silence(0, true).cause, "event");
      for (const _ of [1, 2, 3, 4, 5]) assert.notEqual(silence(1, true).cause, "event");
    });

    it("let one event be in flight, then two, so that the second may show that the broker takes some", () => {
      const { diagnosis, silence } = scene(10);
      silence(0, false);
      assert.equal(diagnosis.window, 1);
      silence(0, false);
      assert.equal(diagnosis.window, 2);
    });
  });
});
