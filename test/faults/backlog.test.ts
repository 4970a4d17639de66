// A long outage: many events wait on disk, and all are delivered in order.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { fedInstallation } from "../support/fed-installation";
import { feedFlow, isQueued, openFeed, sendNumbers } from "../support/feed";
import { installation } from "../support/installation";
import { heapInUse, INSPECTABLE, inMegabytes, MEGABYTE, resident } from "../support/memory";
import { NodeRed } from "../support/node-red";
import { prints } from "../support/printed";
import { freePort } from "../support/processes";

const EVENTS = 100_000;
const WARM_UP = 5_000;
/**
 * Resident, once garbage is collected. Most of it is Node-RED's own record of messages that are not done; some 12 MB are
 * what each message keeps to learn what was sent of it.
 */
const MOST_MEMORY = 75 * MEGABYTE;

describe("an outage", () => {
  it(`of ${EVENTS} events is survived: all arrive, in order, and memory stays bounded`, async function () {
    this.timeout(120_000);
    const { userDir, feedPort, proxy, observer, remove } = await fedInstallation();
    proxy.refuse();
    const nodeRed = await NodeRed.start(userDir, {}, { nodeOptions: [INSPECTABLE] });
    const feed = await openFeed(feedPort);
    await sendNumbers(feed, 0, WARM_UP);
    await isQueued(nodeRed, WARM_UP);
    const inUse = await heapInUse(nodeRed);
    const before = await resident(nodeRed);

    await sendNumbers(feed, WARM_UP, EVENTS);
    await isQueued(nodeRed, EVENTS);
    const atFirst = (await resident(nodeRed)) - before;
    const grown = await grownAtLast(nodeRed, before);
    const kept = (await heapInUse(nodeRed)) - inUse;
    proxy.restore();
    await observer.has(1);
    const start = performance.now();
    await observer.has(EVENTS);
    const seconds = (performance.now() - start) / 1000;

    assert.deepEqual(
      observer.firsts,
      Array.from({ length: EVENTS }, (_, index) => index),
    );
    console.log(
      `      ${EVENTS - WARM_UP} events: ${inMegabytes(kept)} of heap, ${inMegabytes(grown)} resident, ${inMegabytes(atFirst)} with garbage; delivered in ${seconds.toFixed(1)} s`,
    );
    assert.ok(grown < MOST_MEMORY, `grew by ${inMegabytes(grown)}`);
    feed.destroy();
    await nodeRed.stop();
    await remove();
  });
});

describe("a restart during an outage", () => {
  it("tells in the log how many events wait, and in the status", async () => {
    const feedPort = await freePort();
    const { userDir, remove } = await installation(feedFlow("mqtt://127.0.0.1:1", feedPort));
    const before = await NodeRed.start(userDir);
    const feed = await openFeed(feedPort);
    await sendNumbers(feed, 0, 10);
    await isQueued(before, 10);
    feed.destroy();
    await before.stop();

    const after = await NodeRed.start(userDir);
    await isQueued(after, 10);

    await prints(after, "Events queued on disk: 10");
    await after.stop();
    await remove();
  });
});

/** The last of what was accepted may still be on its way to the disk, and V8 gives memory back late. */
async function grownAtLast(nodeRed: NodeRed, before: number): Promise<number> {
  let grown = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 100 && grown >= MOST_MEMORY; tries += 1) {
    await heapInUse(nodeRed);
    await setTimeout(100);
    grown = (await resident(nodeRed)) - before;
  }
  return grown;
}
