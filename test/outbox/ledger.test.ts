// How far a queue had got is read back as it was written, or not at all.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { Ledger } from "../../nodes/outbox/ledger";
import { temporaryFolder } from "../support/processes";

const NOTHING = { newest: 0, watermark: 0 };
const WHO = { projectMqtt: "p", userMqtt: "u" };

describe("the ledger", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    folder = temporary.folder;
    removeFolder = temporary.remove;
  });

  afterEach(() => removeFolder());

  async function file(): Promise<string> {
    const [name = ""] = await readdir(folder);
    return path.join(folder, name);
  }

  async function change(how: (text: string) => string): Promise<void> {
    const name = await file();
    await writeFile(name, how(await readFile(name, "latin1")), "latin1");
  }

  it("says nothing before it is written", async () => {
    assert.deepEqual(await new Ledger(folder, WHO).read(), NOTHING);
  });

  it("says what was written last, in another process, too", async () => {
    const ledger = new Ledger(folder, WHO);
    for (const newest of [1, 20, 300]) await ledger.write({ newest, watermark: newest });
    await ledger.write({ newest: Number.MAX_SAFE_INTEGER, watermark: 301 });

    const read = await new Ledger(folder, WHO).read();

    assert.deepEqual(read, { newest: Number.MAX_SAFE_INTEGER, watermark: 301 });
  });

  it("says what was written before, where the last writing was cut off in the middle", async () => {
    const ledger = new Ledger(folder, WHO);
    await ledger.write({ newest: 10, watermark: 5 });
    await ledger.write({ newest: 20, watermark: 15 });
    await change((text) => `${text.slice(0, 64)}${text.slice(64, 80)}`);

    assert.deepEqual(await new Ledger(folder, WHO).read(), { newest: 10, watermark: 5 });
  });

  it("says nothing that a bad disk has made of it, whichever bit that is", async () => {
    const ledger = new Ledger(folder, WHO);
    await ledger.write({ newest: 1_234, watermark: 1_001 });
    const name = await file();
    const intact = await readFile(name);
    const end = intact.indexOf("\n");
    for (let bit = 0; bit < end * 8; bit += 1) {
      const changed = Buffer.from(intact);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(name, changed);
      assert.deepEqual(await new Ledger(folder, WHO).read(), NOTHING, `bit ${bit}`);
    }
  });

  it("says nothing where it holds text of another file that begins with numbers", async () => {
    await new Ledger(folder, WHO).write({ newest: 1, watermark: 1 });
    await change(() => "1764260000000 1 20 0/p/u/d\n".repeat(10));

    assert.deepEqual(await new Ledger(folder, WHO).read(), NOTHING);
  });

  it("is one for each user of a folder, and none is taken for another's", async () => {
    const other = { projectMqtt: "p", userMqtt: "u2" };
    await new Ledger(folder, WHO).write({ newest: 7, watermark: 3 });
    assert.deepEqual(await new Ledger(folder, other).read(), NOTHING);
    const content = await readFile(await file());
    await new Ledger(folder, other).write({ newest: 1, watermark: 1 });
    for (const name of await readdir(folder)) await writeFile(path.join(folder, name), content);

    assert.deepEqual(await new Ledger(folder, WHO).read(), { newest: 7, watermark: 3 });
    assert.deepEqual(await new Ledger(folder, other).read(), NOTHING);
  });

  it("rejects with ENOENT where its folder is gone, and makes none", async () => {
    const ledger = new Ledger(path.join(folder, "gone"), WHO);
    await assert.rejects(ledger.write({ newest: 1, watermark: 1 }), { code: "ENOENT" });
    assert.deepEqual(await readdir(folder), []);
  });
});
