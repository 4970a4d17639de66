// A disk that does not take what is written to it: the outbox goes on in memory, and says why.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type FedInstallation, fedInstallation } from "../support/fed-installation";
import { feedFlow, isQueued, openFeed, sendNumbers } from "../support/feed";
import { type Launch, NodeRed } from "../support/node-red";

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

describe("what an earlier Node-RED left on disk", function () {
  this.timeout(60_000);

  let place: FedInstallation;
  beforeEach(async () => {
    place = await fedInstallation();
    place.proxy.refuse();
  });
  afterEach(() => place.remove());

  /** A run of Node-RED during which these numbers are fed, and the last of so many waits. */
  async function run(from: number, to: number, queued: number): Promise<NodeRed> {
    const nodeRed = await NodeRed.start(place.userDir);
    const feed = await openFeed(place.feedPort);
    await sendNumbers(feed, from, to);
    await isQueued(nodeRed, queued);
    feed.destroy();
    return nodeRed;
  }

  async function become(settings: object): Promise<void> {
    const { userDir, feedPort, proxy } = place;
    const file = path.join(userDir, "flows.json");
    await writeFile(file, JSON.stringify(feedFlow(proxy.url, feedPort, settings)));
  }

  it("is repaired if it is damaged, and a copy is kept where the warning says", async () => {
    await (await run(0, 20, 20)).stop();
    const outboxes = path.join(place.userDir, "m1-outbox");
    for (const name of await readdir(path.join(outboxes, "c1"))) {
      if (/^(MANIFEST|CURRENT)/.test(name)) {
        await writeFile(path.join(outboxes, "c1", name), "rubbish");
      }
    }

    const nodeRed = await run(20, 40, 40);
    place.proxy.restore();
    await place.observer.has(40);
    await nodeRed.stop();

    assert.deepEqual(place.observer.firsts, upTo(40));
    const [, folder = ""] =
      /was damaged .*a copy of the damaged files is kept in (.*)/.exec(nodeRed.output) ?? [];
    assert.equal(path.dirname(folder), outboxes, nodeRed.output);
    assert.notEqual((await readdir(folder)).length, 0);
  });

  it("is delivered for the user that it is from, and under no other", async () => {
    await (await run(0, 20, 20)).stop();
    await become({ userMqtt: "other-user" });
    const other = await run(20, 40, 20);
    place.proxy.restore();
    await place.observer.has(20);
    await other.stop();
    assert.deepEqual(place.observer.firsts, upTo(40).slice(20));
    await become({});

    const again = await NodeRed.start(place.userDir);
    await place.observer.has(40);
    await again.stop();

    assert.deepEqual(place.observer.firsts, [...upTo(40).slice(20), ...upTo(20)]);
    assert.deepEqual(place.observer.topics, [
      "0/demo-project/other-user/d",
      "0/demo-project/demo-user/d",
    ]);
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/**
 * Sends so many events during an outage and sees them arrive after it, each in its turn.
 * Resolves with the reasons of the warnings.
 */
async function deliveredOn(
  launch: Launch,
  count: number,
  prepare = async (_userDir: string): Promise<void> => undefined,
): Promise<string[]> {
  const { userDir, feedPort, proxy, observer, remove } = await fedInstallation();
  proxy.refuse();
  await prepare(userDir);
  const nodeRed = await NodeRed.start(userDir, {}, launch);
  const feed = await openFeed(feedPort);
  try {
    await sendNumbers(feed, 0, count);
    await isQueued(nodeRed, count);
    proxy.restore();
    await observer.has(count);
    assert.deepEqual(observer.firsts, upTo(count));
    await nodeRed.stop();
    return [...nodeRed.output.matchAll(WARNING)].map(([, reason = ""]) => reason);
  } finally {
    feed.destroy();
    await nodeRed.stop();
    await remove();
  }
}
