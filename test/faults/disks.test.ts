// A disk that does not take what is written to it: the outbox goes on in memory, and says why.
import assert from "node:assert/strict";
import { chmod, mkdir } from "node:fs/promises";
import path from "node:path";
import { EventLog } from "../support/event-log";
import { feedFlow, isQueued, openFeed, sendNumbers } from "../support/feed";
import { installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { type Launch, NodeRed } from "../support/node-red";
import { freePort } from "../support/processes";
import { TcpProxy } from "../support/tcp-proxy";

const WARNING = /The outbox on disk cannot be used, events are kept in memory: (.*)/g;

/** For root, too, permissions are rules (capabilities(7)). */
const NO_PRIVILEGES: Launch = {
  wrapper: process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-dac_override"] : [],
};

/** No file grows beyond 256 kB: writing more fails in the middle, as on a full disk. */
const SMALL_DISK: Launch = { wrapper: ["bash", "-c", 'ulimit -f 256; exec "$@"', "bash"] };

describe("a disk", function () {
  this.timeout(60_000);

  it("that may not be written to costs no event", async () => {
    const reasons = await deliveredOn(NO_PRIVILEGES, 100, async (userDir) => {
      const folder = path.join(userDir, "m1-outbox");
      await mkdir(folder);
      await chmod(folder, 0o555);
    });

    assert.deepEqual(reasons.length, 1);
    assert.match(reasons[0] ?? "", /permission denied/i);
  });

  it("that is full costs no event", async () => {
    const reasons = await deliveredOn(SMALL_DISK, 10_000);

    assert.deepEqual(reasons.length, 1);
    assert.match(reasons[0] ?? "", /File too large/i);
  });
});

/**
 * Sends so many events during an outage and sees them arrive after it, each in its turn.
 * Resolves with the reasons of the warnings.
 */
async function deliveredOn(
  launch: Launch,
  count: number,
  prepare = async (_userDir: string): Promise<void> => undefined,
): Promise<string[]> {
  const mosquitto = await Mosquitto.start();
  const observer = new EventLog();
  await observer.join(mosquitto.url);
  const proxy = await TcpProxy.start(mosquitto.port);
  proxy.refuse();
  const feedPort = await freePort();
  const { userDir, remove } = await installation(feedFlow(proxy.url, feedPort));
  await prepare(userDir);
  const nodeRed = await NodeRed.start(userDir, {}, launch);
  const feed = await openFeed(feedPort);
  try {
    await sendNumbers(feed, 0, count);
    await isQueued(nodeRed, count);
    proxy.restore();
    await observer.has(count);
    assert.deepEqual(
      observer.firsts,
      Array.from({ length: count }, (_, index) => index),
    );
    return [...nodeRed.output.matchAll(WARNING)].map(([, reason = ""]) => reason);
  } finally {
    feed.destroy();
    await nodeRed.stop();
    await observer.leave();
    await proxy.stop();
    await mosquitto.stop();
    await remove();
  }
}
