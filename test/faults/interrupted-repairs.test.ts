// A process that ends in the middle of a repair of its database: the next one repairs it all the same.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, rm, truncate } from "node:fs/promises";
import path from "node:path";
import { EventStore } from "../../nodes/outbox/event-store";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const EVENTS = 3_000;
/** Among these are all with which a folder is emptied, filled and repaired. */
const CALLS = ["unlink", "link", "rmdir", "mkdir", "rename"];

describe("a repair that is interrupted", function () {
  this.timeout(120_000);

  it("is done again, wherever that was: no event is lost", async () => {
    const { folder: scratch, remove } = await temporaryFolder();
    const damaged = path.join(scratch, "damaged");
    await leaveDamaged(path.join(damaged, "c1"));

    let kills = 0;
    for (const call of CALLS) {
      for (let count = 1; ; count += 1) {
        const parent = path.join(scratch, "trial");
        await cp(damaged, parent, { recursive: true });
        const signal = await openedAndKilled(path.join(parent, "c1"), call, count);
        const where = `killed at ${call} ${count}`;
        assert.equal(await countOf(path.join(parent, "c1")), EVENTS, where);
        const names = await readdir(parent);
        assert.ok(!names.includes("c1.repairing"), where);
        assert.ok(
          names.some((name) => name.startsWith("c1.damaged-")),
          where,
        );
        await rm(parent, { recursive: true });
        if (signal !== "SIGKILL") break;
        kills += 1;
      }
    }

    console.log(`      killed ${kills} times`);
    assert.ok(kills > 20);
    await remove();
  });
});

/** Events in a table and in a log, and a list of files that makes no sense. */
async function leaveDamaged(folder: string): Promise<void> {
  for (let half = 0; half < 2; half += 1) {
    const store = new EventStore(folder, WHO);
    await store.open();
    const add = Array.from({ length: EVENTS / 2 }, (_, index) => ({
      ...{ sequence: (EVENTS / 2) * half + index + 1, acceptedAt: 0, topic: "t", qos: 1 as const },
      payload: String(index),
    }));
    await store.write({ add });
    await store.close();
  }
  for (const name of await readdir(folder)) {
    if (name.startsWith("MANIFEST")) await truncate(path.join(folder, name), 10);
  }
}

/** Ends with SIGKILL if there are so many of these calls. */
async function openedAndKilled(
  folder: string,
  call: string,
  count: number,
): Promise<NodeJS.Signals | null> {
  const module = JSON.stringify(path.resolve(__dirname, "../../dist/outbox/event-store"));
  const script = `
    const { EventStore } = require(${module});
    new EventStore(${JSON.stringify(folder)}, ${JSON.stringify(WHO)}).open().then(() => process.exit());
  `;
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL:when=${count}`];
  const options = ["-D", "-f", "-o", "/dev/null", ...inject];
  const child = spawn("strace", [...options, process.execPath, "-e", script], {
    // strace counts the calls of each thread.
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: "inherit",
  });
  const [, signal] = await once(child, "exit");
  return signal;
}

async function countOf(folder: string): Promise<number> {
  const store = new EventStore(folder, WHO);
  await store.open();
  const wanted = { after: 0, upTo: store.newest, limit: EVENTS, bytes: 1e9 };
  const events = await store.read(wanted);
  await store.close();
  return events.filter(({ fault }) => !fault).length;
}
