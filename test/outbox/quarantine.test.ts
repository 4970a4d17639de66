// The quarantine is a text that a person can read, in two files of ten megabytes at the most, and nobody else's business.
import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { StoredEvent } from "../../nodes/outbox/event";
import { Quarantine } from "../../nodes/outbox/quarantine";
import { temporaryFolder } from "../support/processes";

/** Bytes. */
const LARGEST_FILE = 10_000_000;
const NOW = new Date("2026-03-04T05:06:07.008Z");
const LATER = new Date("2026-03-04T05:06:07.009Z");
const FOUND_X = `{"reason":"r","foundAt":"2026-03-04T05:06:07.008Z","text":"x"}\n`;

const event: StoredEvent = {
  sequence: 12,
  acceptedAt: Date.parse("2025-01-02T03:04:05.006Z"),
  topic: "0/p/u/a device",
  payload: '{"n":1,\n"text":"ü 😀"}',
  qos: 2,
};

describe("quarantine", () => {
  let folder: string;
  let quarantine: Quarantine;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
    quarantine = new Quarantine(path.join(folder, "c1.quarantine.jsonl"));
  });

  afterEach(() => remove());

  const content = () => readFile(quarantine.file, "utf8");

  /** Leaves that much room in the file. */
  const fill = (left: number) => writeFile(quarantine.file, "x".repeat(LARGEST_FILE - left));

  async function mode(file: string): Promise<number> {
    return (await stat(file)).mode & 0o777;
  }

  it("touches nothing before there is something to keep", async () => {
    assert.deepEqual(await readdir(folder), []);
  });

  it("keeps an event as a line of JSON with the reason, both times and all it held", async () => {
    await quarantine.add(event, 'too "pink"', NOW);

    const line =
      '{"reason":"too \\"pink\\"","acceptedAt":"2025-01-02T03:04:05.006Z",' +
      '"refusedAt":"2026-03-04T05:06:07.008Z","topic":"0/p/u/a device","qos":2,' +
      '"payload":"{\\"n\\":1,\\n\\"text\\":\\"ü 😀\\"}"}\n';
    assert.equal(await content(), line);
    assert.equal(JSON.parse(line).payload, event.payload);
  });

  it("keeps an event whose time is none that there can be", async () => {
    await quarantine.add({ ...event, acceptedAt: 1e20 }, "r", NOW);

    const { acceptedAt, payload } = JSON.parse(await content());
    assert.deepEqual(
      { acceptedAt, payload },
      { acceptedAt: "100000000000000000000", payload: event.payload },
    );
  });

  it("keeps a text that should have been events as a line of JSON with the reason and the time", async () => {
    await quarantine.addText("rub\nbish", "entry 7 is not an event", NOW);

    assert.equal(
      await content(),
      '{"reason":"entry 7 is not an event","foundAt":"2026-03-04T05:06:07.008Z","text":"rub\\nbish"}\n',
    );
  });

  it("keeps what there was, also of an earlier process, before what comes", async () => {
    await quarantine.addText("first", "r", NOW);
    await quarantine.add(event, "r", NOW);

    await new Quarantine(quarantine.file).addText("third", "r", LATER);

    const lines = (await content()).split("\n");
    assert.equal(lines.pop(), "");
    const entries = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      entries.map(({ text, topic }) => text ?? topic),
      ["first", "0/p/u/a device", "third"],
    );
  });

  it("tells the time at which it was called", async () => {
    const before = Date.now();
    await quarantine.add(event, "r");
    await quarantine.addText("x", "r");
    const after = Date.now();

    const [first = "", second = ""] = (await content()).split("\n");
    for (const time of [JSON.parse(first).refusedAt, JSON.parse(second).foundAt]) {
      assert.ok(Date.parse(time) >= before && Date.parse(time) <= after, time);
    }
  });

  it("is readable and writable by its owner alone, also when it begins anew", async () => {
    await quarantine.add(event, "r", NOW);
    assert.equal(await mode(quarantine.file), 0o600);
    await fill(0);

    await quarantine.add(event, "r", NOW);

    assert.equal(await mode(quarantine.file), 0o600);
    assert.equal(await mode(`${quarantine.file}.old`), 0o600);
  });

  it("fills a file up to ten megabytes", async () => {
    await fill(FOUND_X.length);

    await quarantine.addText("x", "r", NOW);

    assert.deepEqual(await readdir(folder), ["c1.quarantine.jsonl"]);
    assert.equal((await stat(quarantine.file)).size, LARGEST_FILE);
  });

  it("begins anew before a file is larger than that, and keeps the full one", async () => {
    await fill(FOUND_X.length - 1);

    await quarantine.addText("x", "r", NOW);

    assert.equal(await content(), FOUND_X);
    const { size } = await stat(`${quarantine.file}.old`);
    assert.equal(size, LARGEST_FILE - FOUND_X.length + 1);
  });

  it("weighs bytes, and not characters", async () => {
    await fill(FOUND_X.length);

    await quarantine.addText("ü", "r", NOW);

    assert.equal(JSON.parse(await content()).text, "ü");
    assert.equal((await stat(`${quarantine.file}.old`)).size, LARGEST_FILE - FOUND_X.length);
  });

  it("keeps an entry that is larger than a file may be, alone in one", async () => {
    const large = "x".repeat(LARGEST_FILE);
    await quarantine.addText(large, "r", NOW);
    assert.equal(JSON.parse(await content()).text, large);

    await quarantine.addText("y", "r", NOW);

    assert.equal(JSON.parse(await content()).text, "y");
    assert.equal(JSON.parse(await readFile(`${quarantine.file}.old`, "utf8")).text, large);
  });

  it("loses none of those that come at once where a file is nearly full", async () => {
    await fill(100);

    await Promise.all(["a", "b", "c"].map((text) => quarantine.addText(text, "r", NOW)));

    const texts = [`${quarantine.file}.old`, quarantine.file].map((file) => readFile(file, "utf8"));
    const [old = "", present = ""] = await Promise.all(texts);
    const entries = (old.slice(LARGEST_FILE - 100) + present).trimEnd().split("\n");
    assert.deepEqual(
      entries.map((entry) => JSON.parse(entry).text),
      ["a", "b", "c"],
    );
  });

  it("keeps the newest full file only", async () => {
    await writeFile(`${quarantine.file}.old`, "older");
    await fill(0);

    await quarantine.addText("x", "r", NOW);

    assert.deepEqual((await readdir(folder)).sort(), [
      "c1.quarantine.jsonl",
      "c1.quarantine.jsonl.old",
    ]);
    assert.equal((await stat(`${quarantine.file}.old`)).size, LARGEST_FILE);
  });

  it("rejects where the disk does", async () => {
    const nowhere = new Quarantine(path.join(folder, "no such folder", "c1.quarantine.jsonl"));
    await writeFile(path.join(folder, "file"), "");
    const inFile = new Quarantine(path.join(folder, "file", "c1.quarantine.jsonl"));

    await assert.rejects(nowhere.add(event, "r"), { code: "ENOENT" });
    await assert.rejects(inFile.addText("x", "r"), { code: "ENOTDIR" });
  });
});
