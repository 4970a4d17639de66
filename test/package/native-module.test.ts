// The package where LevelDB, the one native module that it needs, cannot be loaded: installed as users get it,
// with the module's binary taken away.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { copyFile, cp, readdir, rename, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { Sandbox } from "../../sandbox/sandbox";
import { feedFlow, isQueued, openFeed, sendNumbers } from "../support/feed";
import { writeFlow } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { installPacked } from "../support/packed";
import { printed } from "../support/printed";
import { freePort, temporaryFolder } from "../support/processes";

const WARNING =
  /\[warn\] .*Events are kept in memory only: .*classic-level.* on (\S+) \((.*)\)\. Run "npm rebuild classic-level"/;
const THIS_MACHINE = `${process.platform}-${process.arch}`;

describe("where the native module cannot be loaded", function () {
  this.timeout(60_000);
  let userDir: string;
  let removeFolder: () => Promise<void>;
  let binaries: string;
  let port: number;
  let feedPort: number;
  let flow: ReturnType<typeof feedFlow>;
  let sandbox: Sandbox;
  let nodeRed: NodeRed;
  let feed: Socket;

  before(async function () {
    this.timeout(180_000);
    const temporary = await temporaryFolder();
    userDir = temporary.folder;
    removeFolder = temporary.remove;
    await installPacked(userDir);
    binaries = path.join(userDir, "node_modules/classic-level/prebuilds");
    feedPort = await freePort();
    port = await freePort();
    flow = feedFlow(`mqtt://127.0.0.1:${port}`, feedPort);
    await writeFlow(userDir, flow);
  });
  after(() => removeFolder());

  beforeEach(() => {
    sandbox = new Sandbox({ port });
  });
  afterEach(async () => {
    await end();
    await sandbox.stop();
    await putBack();
    await rm(path.join(userDir, "m1-outbox"), { recursive: true, force: true });
  });

  function takeAway(): Promise<void> {
    return rename(binaries, `${binaries}.aside`);
  }

  async function putBack(): Promise<void> {
    if (!existsSync(`${binaries}.aside`)) return;
    await rm(binaries, { recursive: true, force: true });
    await rename(`${binaries}.aside`, binaries);
  }

  async function begin(): Promise<void> {
    nodeRed = await NodeRed.start(userDir);
    feed = await openFeed(feedPort);
  }

  async function end(): Promise<void> {
    feed?.destroy();
    await nodeRed?.stop();
  }

  async function arrived(count: number): Promise<unknown[]> {
    while (sandbox.events.length < count) await once(sandbox, "event");
    return sandbox.events.map(({ eventData }) => eventData.number);
  }

  function warnings(): string[][] {
    const all = new RegExp(WARNING, "g");
    return [...nodeRed.output.matchAll(all)].map(([, ...details]) => details);
  }

  it("one warning says that events are kept in memory only, and why; a deploy hands them over, all arrive", async () => {
    await takeAway();
    await begin();
    await sendNumbers(feed, 0, 20);
    await isQueued(nodeRed, 20);
    const [, machine, reason = ""] = await printed(nodeRed, WARNING);
    assert.equal(nodeRed.output.match(/\[warn\] \[m1 /g)?.length, 1, nodeRed.output);
    assert.equal(machine, THIS_MACHINE);
    assert.match(reason, /^No native build was found for .*arch=/);

    feed.destroy();
    await nodeRed.deploy(flow);
    feed = await openFeed(feedPort);
    await sendNumbers(feed, 20, 30);
    await isQueued(nodeRed, 30);
    await sandbox.start();

    assert.deepEqual(await arrived(30), upTo(30));
    await nodeRed.status("out", ({ fill, text }) => fill === "green" && !/\d/.test(text ?? ""));
    await sendNumbers(feed, 30, 40);
    assert.deepEqual(await arrived(40), upTo(40));
    // The outage that the test makes, told once by each connection.
    const errors = nodeRed.output.match(/\[error\].*/g) ?? [];
    assert.deepEqual(
      errors.map((line) => /Nothing listens/.test(line)),
      [true, true],
      nodeRed.output,
    );
  });

  it("as its file is for another architecture, the warning says so", async () => {
    const other = process.arch === "arm64" ? "linux-x64" : "linux-arm64";
    const [foreign = ""] = await files(path.join(binaries, other));
    await cp(binaries, `${binaries}.aside`, { recursive: true });
    const ours = await files(path.join(binaries, THIS_MACHINE));
    await Promise.all(ours.map((file) => copyFile(foreign, file)));

    await begin();
    await sendNumbers(feed, 0, 5);
    await isQueued(nodeRed, 5);

    const [, machine, reason = ""] = await printed(nodeRed, WARNING);
    assert.deepEqual([machine, warnings().length], [THIS_MACHINE, 1], nodeRed.output);
    assert.match(reason, /^.*\.node: /);
  });

  it("what is on disk stays there, and is sent when it can be loaded again", async () => {
    await begin();
    await sendNumbers(feed, 0, 10);
    await isQueued(nodeRed, 10);
    await end();

    await takeAway();
    await begin();
    await sendNumbers(feed, 10, 20);
    await sandbox.start();
    assert.deepEqual(await arrived(10), upTo(20).slice(10));
    await printed(nodeRed, WARNING);
    assert.equal(warnings().length, 1, nodeRed.output);
    await end();

    await putBack();
    await begin();
    assert.deepEqual(await arrived(20), [...upTo(20).slice(10), ...upTo(10)]);
    assert.deepEqual(warnings(), []);
  });
});

async function files(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((file) => path.join(folder, file));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
