// A long outage: many events wait on disk, and all are delivered in order.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { EventLog } from "../support/event-log";
import { feedFlow, isQueued, openFeed, sendNumbers } from "../support/feed";
import { installation } from "../support/installation";
import { heapInUse, INSPECTABLE, inMegabytes, MEGABYTE, resident } from "../support/memory";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { freePort } from "../support/processes";
import { TcpProxy } from "../support/tcp-proxy";

const EVENTS = 100_000;
const WARM_UP = 5_000;
/** Node-RED's own record of a message that is not done takes two thirds of it. */
const MOST_MEMORY = 60 * MEGABYTE;

describe("an outage", () => {
  it(`of ${EVENTS} events is survived: all arrive, in order, and memory stays bounded`, async function () {
    this.timeout(120_000);
    const mosquitto = await Mosquitto.start();
    const observer = new EventLog();
    await observer.join(mosquitto.url);
    const proxy = await TcpProxy.start(mosquitto.port);
    proxy.refuse();
    const feedPort = await freePort();
    const { userDir, remove } = await installation(feedFlow(proxy.url, feedPort));
    const nodeRed = await NodeRed.start(userDir, {}, { nodeOptions: [INSPECTABLE] });
    const feed = await openFeed(feedPort);
    await sendNumbers(feed, 0, WARM_UP);
    await isQueued(nodeRed, WARM_UP);
    const before = await resident(nodeRed);
    const inUse = await heapInUse(nodeRed);

    await sendNumbers(feed, WARM_UP, EVENTS);
    await isQueued(nodeRed, EVENTS);
    const grown = (await resident(nodeRed)) - before;
    const kept = await keptAtLast(nodeRed, inUse);
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
      `      ${EVENTS - WARM_UP} events: ${inMegabytes(kept)} kept, ${inMegabytes(grown)} resident, delivered in ${seconds.toFixed(1)} s`,
    );
    assert.ok(kept < MOST_MEMORY, `${inMegabytes(kept)} kept in memory`);
    feed.destroy();
    await nodeRed.stop();
    await observer.leave();
    await proxy.stop();
    await mosquitto.stop();
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

    assert.match(after.output, /Events that were waiting on disk: 10/);
    await after.stop();
    await remove();
  });
});

/** The queue's length tells what was accepted; the last of it may still be on its way to the disk. */
async function keptAtLast(nodeRed: NodeRed, inUse: number): Promise<number> {
  let kept = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 100 && kept >= MOST_MEMORY; tries += 1) {
    kept = (await heapInUse(nodeRed)) - inUse;
    await setTimeout(100);
  }
  return kept;
}
