// Many events over a link that keeps breaking: none is lost, and memory does not creep up.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Timing } from "../../nodes/connection/timing";
import { fedInstallation } from "../support/fed-installation";
import { openFeed, sendNumbers } from "../support/feed";
import { inMegabytes, MEGABYTE, resident } from "../support/memory";
import { NodeRed } from "../support/node-red";
import { preloadTiming } from "../support/preload-timing";
import type { TcpProxy } from "../support/tcp-proxy";

/** `npm run soak` sets a million. */
const EVENTS = Number(process.env.M1_SOAK_EVENTS ?? 50_000);
const STEPS = 200;
/** As fast as it goes, and never so many at once that the outbox fills. */
const MOST_WAITING = 20_000;
const MOST_GROWTH = 20 * MEGABYTE;
/** A short run is over before memory has settled. */
const SETTLES = EVENTS >= 1_000_000;

/** A link that breaks every second or so is none to wait a minute for. */
const TIMING: Partial<Timing> = { firstRetry: 50, longestRetry: 500, stable: 200 };

describe("a link that keeps breaking", () => {
  it(`costs none of ${EVENTS} events${SETTLES ? ", and no memory" : ""}`, async function () {
    this.timeout(60_000 + EVENTS * 2);
    const { userDir, feedPort, proxy, observer, remove } = await fedInstallation();
    const launch = { nodeOptions: ["--require", await preloadTiming(userDir, TIMING)] };
    const nodeRed = await NodeRed.start(userDir, {}, launch);
    const feed = await openFeed(feedPort);
    const breaking = breakNowAndThen(proxy);
    const began = performance.now();

    const sizes: number[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      const [from, to] = [step, step + 1].map((one) => Math.round((EVENTS * one) / STEPS));
      await sendNumbers(feed, from ?? 0, to ?? 0);
      await observer.has((to ?? 0) - MOST_WAITING);
      sizes.push(await resident(nodeRed));
    }
    const breaks = await breaking.stop();
    const seconds = (performance.now() - began) / 1_000;
    await observer.has(EVENTS);

    const growth = median(sizes.slice(-20)) - median(sizes.slice(90, 110));
    const repeated = observer.numbers.length - EVENTS;
    console.log(`      ${breaks} breaks in ${seconds.toFixed(0)} s, ${repeated} came twice`);
    assert.ok(breaks >= seconds / 2, `${breaks} breaks in ${seconds} s`);
    assert.deepEqual(
      observer.firsts,
      Array.from({ length: EVENTS }, (_, index) => index),
    );
    if (SETTLES) {
      console.log(`      memory grew by ${inMegabytes(growth)} over the second half`);
      assert.ok(growth < MOST_GROWTH, `grew by ${inMegabytes(growth)}`);
    }
    feed.destroy();
    await nodeRed.stop();
    await remove();
  });
});

/** Cuts the link at random, once a second on average, and once in 1.5 s at the least. */
function breakNowAndThen(proxy: TcpProxy): { stop(): Promise<number> } {
  const stopped = new AbortController();
  let breaks = 0;
  const run = async () => {
    while (!stopped.signal.aborted) {
      await pause(500 + 1_000 * Math.random());
      proxy.cut();
      breaks += 1;
    }
    return breaks;
  };
  const running = run();
  return {
    stop() {
      stopped.abort();
      return running;
    },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
