// A long outage: many events wait on disk, and all are delivered in order.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { EventLog } from "../support/event-log";
import { feedFlow, openFeed } from "../support/feed";
import { installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { freePort } from "../support/processes";
import { TcpProxy } from "../support/tcp-proxy";

const EVENTS = 100_000;
const WARM_UP = 5_000;
const MEGABYTE = 1_000_000;

describe("an outage", () => {
  it(`of ${EVENTS} events is survived: all arrive, in order`, async function () {
    this.timeout(120_000);
    const mosquitto = await Mosquitto.start();
    const observer = new EventLog();
    await observer.join(mosquitto.url);
    const proxy = await TcpProxy.start(mosquitto.port);
    proxy.refuse();
    const feedPort = await freePort();
    const { userDir, remove } = await installation(feedFlow(proxy.url, feedPort));
    const nodeRed = await NodeRed.start(userDir);
    const feed = await openFeed(feedPort);
    await sendNumbers(feed, 0, WARM_UP);
    await isQueued(nodeRed, WARM_UP);
    const before = await memory(nodeRed);

    await sendNumbers(feed, WARM_UP, EVENTS);
    await isQueued(nodeRed, EVENTS);
    const grown = (await memory(nodeRed)) - before;
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
      `      ${(grown / MEGABYTE).toFixed(1)} MB for ${EVENTS - WARM_UP} events, delivered in ${seconds.toFixed(1)} s`,
    );
    feed.destroy();
    await nodeRed.stop();
    await observer.leave();
    await proxy.stop();
    await mosquitto.stop();
    await remove();
  });
});

async function sendNumbers(feed: Socket, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) {
    const isTaken = feed.write(`{"number":${number}}\n`);
    if (!isTaken) await new Promise((resolve) => feed.once("drain", resolve));
  }
}

/** The node's status tells how many wait. */
async function isQueued(nodeRed: NodeRed, count: number): Promise<void> {
  await nodeRed.status("out", ({ text = "" }) => text.replace(/\D/g, "").endsWith(String(count)));
}

/** Resident bytes (proc(5), VmRSS). */
async function memory({ pid }: NodeRed): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
