// Which files are made sure of when LevelDB has several logs.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { readTrace, traced } from "../support/disk-trace";
import { run, temporaryFolder } from "../support/processes";

describe("making sure of LevelDB's logs", () => {
  it("takes each there is, as LevelDB begins a new one before the last is a table", async () => {
    const { folder, remove } = await temporaryFolder();
    const logs = ["000003.log", "000005.log"].map((name) => path.join(folder, name));
    for (const log of logs) await writeFile(log, "");
    const module = JSON.stringify(path.resolve(__dirname, "../../dist/outbox/log-sync"));
    const script = `new (require(${module}).LogSync)(${JSON.stringify(folder)}).sync()`;
    const trace = path.join(folder, "trace");
    const [strace = "", ...options] = traced(trace);
    await run(strace, [...options, process.execPath, "-e", script]);

    const syncs = (await readTrace(trace, folder)).filter(({ kind }) => kind === "sync");

    // Their names are in the folder.
    assert.deepEqual(
      syncs.map((sync) => sync.path),
      [...logs, folder],
    );
    await remove();
  });
});
