// A disk that fails while Node-RED runs, and one that works again: events are kept, and what happens is told once.
import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type FedInstallation, fedInstallation } from "../support/fed-installation";
import { isQueued, openFeed, sendNumbers } from "../support/feed";
import { type Launch, NodeRed } from "../support/node-red";
import { preloadTiming } from "../support/preload-timing";
import { printed, prints } from "../support/printed";
import { run } from "../support/processes";
import { isWritten } from "../support/written-events";

const OUTBOX_WARNING = /\[warn\] \[m1 connection:c1\] (The outbox .*)/g;
const IN_MEMORY = "The outbox on disk cannot be used, events are kept in memory";
const NOT_SYNCED = "The outbox cannot make sure that events are on the disk";
const ON_DISK_AGAIN = "Events are kept on disk again";

/** Every attempt to make sure of these files fails (fdatasync(2)). */
function refusingSync(code: string, trace: string, files: readonly string[] = []): Launch {
  const paths = files.flatMap((file) => ["-P", file]);
  const calls = ["-e", "trace=fdatasync,fsync", "-e", `inject=fdatasync,fsync:error=${code}`];
  const quietly = ["-D", "-f", "--seccomp-bpf", "-o", trace];
  return { wrapper: ["strace", ...quietly, ...paths, ...calls, "--"] };
}

/** Files grow to 256 kB at the most, as on a full disk, until somebody allows more. */
const FULL_DISK: Launch = { wrapper: ["bash", "-c", 'ulimit -S -f 256; exec "$@"', "bash"] };

/** It has these ten open since it began. */
const NO_MORE_FILES = "--nofile=10:";
const MORE_FILES = "--nofile=1024:";

/** From outside. */
async function allow(nodeRed: NodeRed, limit: string): Promise<void> {
  await run("prlimit", ["--pid", String(nodeRed.pid), limit]);
}

describe("a disk that fails while it is in use", function () {
  this.timeout(90_000);

  let place: FedInstallation;
  let nodeRed: NodeRed;
  let feed: Socket;

  beforeEach(async () => {
    place = await fedInstallation();
    place.proxy.refuse();
  });

  afterEach(async () => {
    feed.destroy();
    await nodeRed.stop("SIGKILL");
    await place.remove();
  });

  function folder(): string {
    return path.join(place.userDir, "m1-outbox", "c1");
  }

  function trace(): string {
    return path.join(place.userDir, "trace");
  }

  async function start(launch: Launch = {}): Promise<void> {
    // After half a minute without a broker it would wait as long for the next try.
    const timing = await preloadTiming(place.userDir, { firstRetry: 50, longestRetry: 500 });
    const nodeOptions = ["--require", timing];
    nodeRed = await NodeRed.start(place.userDir, {}, { ...launch, nodeOptions });
    feed = await openFeed(place.feedPort);
  }

  async function feedUpTo(from: number, to: number): Promise<void> {
    await sendNumbers(feed, from, to);
    await isQueued(nodeRed, to);
  }

  /** Each in its turn. */
  async function deliversAll(count: number): Promise<void> {
    place.proxy.restore();
    await place.observer.has(count);
    assert.deepEqual(place.observer.firsts, upTo(count));
  }

  function warnings(): string[] {
    return [...nodeRed.output.matchAll(OUTBOX_WARNING)].map(([, text = ""]) => text);
  }

  for (const [code, reason] of [
    ["EIO", /i\/o error/],
    ["EINVAL", /invalid argument/],
  ] as const) {
    it(`stores all the same where it makes sure of nothing (${code})`, async () => {
      await start(refusingSync(code, trace(), [path.join(folder(), "000003.log")]));
      await feedUpTo(0, 100);
      await printed(nodeRed, new RegExp(NOT_SYNCED));
      await feedUpTo(100, 200);
      await isRefusedTwice();
      await nodeRed.stop("SIGKILL");
      const [warning = "", ...others] = warnings();
      assert.match(warning, reason);
      assert.deepEqual(others, []);
      feed.destroy();

      await start();
      await deliversAll(200);
    });

    it(`loses no event where LevelDB, too, can make sure of nothing (${code})`, async () => {
      await start(refusingSync(code, trace()));
      await feedUpTo(0, 100);
      await deliversAll(100);
      await prints(nodeRed, IN_MEMORY);

      const [warning = "", ...others] = warnings();
      assert.ok(warning.startsWith(IN_MEMORY), warning);
      assert.deepEqual(others, []);
    });
  }

  it("keeps events where there are too many open files to make sure of them", async () => {
    await start();
    await feedUpTo(0, 10);
    await isStored(9);
    await allow(nodeRed, NO_MORE_FILES);
    await sendNumbers(feed, 10, 100);
    await printed(nodeRed, new RegExp(NOT_SYNCED));
    await allow(nodeRed, MORE_FILES);
    await isQueued(nodeRed, 100);
    await deliversAll(100);

    const [warning = "", ...others] = warnings();
    assert.match(warning, /too many open files/);
    assert.deepEqual(others, []);
  });

  it("keeps events where there are too many open files to store them", async () => {
    await start();
    // The feed, too, is an open file.
    await nodeRed.status("feed", ({ text = "" }) => text.includes("1"));
    await allow(nodeRed, NO_MORE_FILES);
    await sendNumbers(feed, 0, 100);
    await printed(nodeRed, new RegExp(IN_MEMORY));
    await allow(nodeRed, MORE_FILES);
    await isQueued(nodeRed, 100);
    await deliversAll(100);

    const [warning = "", ...others] = warnings();
    assert.match(warning, /too many open files/i);
    assert.deepEqual(others, []);
  });

  it("keeps events where the folder is deleted, and has a new one later", async () => {
    await start();
    await feedUpTo(0, 100);
    // It is queued sooner, while the folder is still made.
    await isStored(99);
    await rm(folder(), { recursive: true });
    await feedUpTo(100, 200);
    await printed(nodeRed, new RegExp(IN_MEMORY));
    await prints(nodeRed, ON_DISK_AGAIN);
    await feedUpTo(200, 300);
    await deliversAll(300);

    const [warning = "", ...others] = warnings();
    assert.match(warning, /no such file/);
    assert.deepEqual(others, []);
    assert.notEqual((await readdir(folder())).length, 0);
  });

  it("stores events again once it has room: they survive a kill", async () => {
    const [full, last] = [10_000, 10_100];
    await start(FULL_DISK);
    await feedUpTo(0, full);
    await prints(nodeRed, IN_MEMORY);
    await allow(nodeRed, "--fsize=unlimited:");
    await prints(nodeRed, ON_DISK_AGAIN);
    await feedUpTo(full, last);
    await isStored(last - 1);
    await nodeRed.stop("SIGKILL");
    const [warning = "", ...others] = warnings();
    assert.match(warning, /file too large/i);
    assert.deepEqual(others, []);
    feed.destroy();

    await start();
    place.proxy.restore();
    await place.observer.hasNumber(last - 1);

    const { firsts } = place.observer;
    assert.deepEqual(firsts.slice(full - last), upTo(last).slice(full));
    assert.deepEqual(
      firsts,
      [...firsts].sort((one, other) => one - other),
    );
    assert.deepEqual(warnings(), []);
  });

  async function isRefusedTwice(): Promise<void> {
    while ((await readFile(trace(), "utf8")).split("(INJECTED)").length <= 2) await pause(20);
  }

  /** Resolves once the event stands in a log of LevelDB's. */
  async function isStored(number: number): Promise<void> {
    while (!(await isWritten(folder(), number))) await pause(20);
  }
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
