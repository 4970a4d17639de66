// Bad links between Node-RED and a real broker: half-open, cut in the middle of a packet, slow.
import assert from "node:assert/strict";
import type { Connection } from "../../nodes/connection/connection";
import { eachBehindProxy } from "../support/bad-network";
import { useDurations } from "../support/durations";
import {
  connectionTo,
  deviceIn,
  eventOut,
  input,
  node,
  type Outcome,
  online,
  shows,
  startFlow,
  statuses,
} from "../support/flows";

/** What timers and a busy machine may add to a limit. */
const SLACK = 500;

describe("a link", () => {
  const network = eachBehindProxy();

  async function start(config: object): Promise<void> {
    const deviceId = { deviceId: "device", deviceIdType: "msg" };
    await startFlow([connectionTo(network.proxy, config), eventOut(deviceId), ...deviceIn("in")]);
    await online();
  }

  function send(value: number): Promise<Outcome> {
    return input("out", { payload: value, device: `d${value % 3}` });
  }

  async function allFine(outcomes: readonly Promise<Outcome>[]): Promise<void> {
    const errors = (await Promise.all(outcomes)).filter(({ error }) => error);
    assert.deepEqual(errors, [], "errors");
  }

  /** Milliseconds until the loss shows. */
  async function noticed(): Promise<number> {
    const begun = performance.now();
    const { text } = await shows("out", ({ fill }) => fill === "red");
    assert.match(text ?? "", /^no answer/);
    return performance.now() - begun;
  }

  describe("that is half-open", () => {
    const EVENTS = 200;

    for (const protocolVersion of ["4", "5"]) {
      const name = protocolVersion === "4" ? "MQTT 3.1.1" : "MQTT 5";

      it(`is noticed within 1.5 times the keep-alive while nothing is sent (${name})`, async () => {
        await start({ keepalive: "2", protocolVersion });
        network.proxy.silence();
        const took = await noticed();
        assert.ok(took < 3_000 + SLACK, `took ${took} ms`);
        network.proxy.restore();
        await online();
        await allFine([send(0)]);
      });

      it(`is noticed as soon while events are sent, which are kept and delivered (${name})`, async () => {
        await start({ keepalive: "2", protocolVersion });
        network.proxy.silence();
        const outcomes = upTo(EVENTS).map(send);
        const took = await noticed();
        assert.ok(took < 3_000 + SLACK, `took ${took} ms`);
        network.proxy.restore();
        await allFine(outcomes);
        assert.deepEqual(await network.observer.numbers(EVENTS), upTo(EVENTS));
      });
    }

    describe("without keep-alive", () => {
      useDurations({ acknowledge: 1_000 });

      it("is noticed when no acknowledgement comes; events are kept and delivered", async () => {
        await start({ keepalive: "0" });
        network.proxy.silence();
        const outcomes = upTo(EVENTS).map(send);
        const took = await noticed();
        assert.ok(took < 1_000 + SLACK, `took ${took} ms`);
        network.proxy.restore();
        await allFine(outcomes);
        assert.deepEqual(await network.observer.numbers(EVENTS), upTo(EVENTS));
      });
    });
  });

  describe("that is cut in the middle of a packet", () => {
    const EVENTS = 2_000;
    const CUTS = 60;
    /** Events on their way at a time. */
    const WINDOW = 50;

    it(`${CUTS} times during ${EVENTS} events: none is lost, and order is kept`, async () => {
      await start({ keepalive: "60" });
      const { connection } = node("m1") as unknown as { connection: Connection };
      let cuts = 0;
      // Primes: the cut comes at every place of a packet.
      const cutAgain = () => network.proxy.cutAfter(701 + 37 * cuts);
      connection.on("state", ({ name }) => {
        if (name !== "offline") return;
        cuts += 1;
        if (cuts < CUTS) cutAgain();
      });
      cutAgain();

      const outcomes: Promise<Outcome>[] = [];
      for (const value of upTo(EVENTS)) {
        outcomes.push(send(value));
        await outcomes.at(-WINDOW);
      }
      await allFine(outcomes);

      const numbers = await network.observer.numbers(EVENTS);
      const firsts = [...new Set(numbers)];
      for (const device of [0, 1, 2]) {
        const own = (value: number) => value % 3 === device;
        assert.deepEqual(firsts.filter(own), upTo(EVENTS).filter(own));
      }
      assert.equal(cuts, CUTS, "cuts");
      const repetitions = numbers.length - EVENTS;
      assert.ok(repetitions <= CUTS * WINDOW, `${repetitions} repetitions`);
    });
  });

  describe("that takes 200 ms each way", () => {
    const EVENTS = 2_000;

    it("carries everything once, in order, without a word of trouble", async () => {
      network.proxy.latency = 200;
      const begun = performance.now();
      await start({ keepalive: "2" });
      await allFine(upTo(EVENTS).map(send));
      const took = performance.now() - begun;

      assert.deepEqual(await network.observer.numbers(EVENTS), upTo(EVENTS));
      assert.equal(statuses("m1").filter(({ fill }) => fill === "red").length, 0, "red statuses");
      // A handshake, and a round trip for each thousand events; one by one it would be 800 s.
      assert.ok(took < 5_000, `took ${took} ms`);
    });
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
