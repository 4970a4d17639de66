// A log with the content of another of LevelDB's files must not reach LevelDB, which would end the process.
import assert from "node:assert/strict";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ClassicLevel } from "classic-level";
import { removeForeignLogs } from "../../nodes/outbox/foreign-logs";
import { temporaryFolder } from "../support/processes";

describe("a log of LevelDB", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    folder = temporary.folder;
    removeFolder = temporary.remove;
    const db = new ClassicLevel(folder);
    await db.open();
    await db.put("key", "value");
    await db.close();
  });

  afterEach(() => removeFolder());

  async function nameOf(kind: RegExp): Promise<string> {
    const name = (await readdir(folder)).find((each) => kind.test(each));
    assert.ok(name);
    return path.join(folder, name);
  }

  it("stays, whatever has become of it", async () => {
    const log = await nameOf(/\.log$/);
    const content = await readFile(log);
    for (const changed of [content, content.subarray(0, 5), Buffer.alloc(0), Buffer.alloc(4_096)]) {
      await writeFile(log, changed);
      assert.equal(await removeForeignLogs(folder), false);
    }
    assert.deepEqual(await readFile(log), Buffer.alloc(4_096));
  });

  it("goes if it is a list of files by its content", async () => {
    const log = await nameOf(/\.log$/);
    await copyFile(await nameOf(/^MANIFEST/), log);

    assert.equal(await removeForeignLogs(folder), true);

    assert.equal((await readdir(folder)).includes(path.basename(log)), false);
    assert.equal(await removeForeignLogs(folder), false);
  });
});
