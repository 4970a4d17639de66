// The quarantine: what is in it, by number and reason, and what leaves it; on disk, in memory, and 0.1.0's file.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EventStore } from "../../nodes/outbox/event-store";
import { Quarantine } from "../../nodes/outbox/quarantine";
import {
  type NumberedEntry,
  type QuarantineEntry,
  refusedEntry,
  type Selection,
  unreadableEntry,
} from "../../nodes/outbox/quarantine-entry";
import { takeOverFiles } from "../../nodes/outbox/quarantine-file";
import { M1Error } from "../../nodes/protocol/errors";
import { failWrites, restoreWrites } from "../support/disk-writing";
import { temporaryFolder } from "../support/processes";
import { quarantinedIn } from "../support/quarantined";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const ALL = Number.MAX_SAFE_INTEGER;

function refused(payload: string, reason = "too pink"): QuarantineEntry {
  const event = { acceptedAt: 1, topic: "0/p/u/pump", payload, qos: 1 as const };
  return refusedEntry(event, new M1Error("EVENT_REFUSED", { reason }));
}

function hungUp(payload: string): QuarantineEntry {
  const event = { acceptedAt: 1, topic: "0/p/u/pump", payload, qos: 1 as const };
  return refusedEntry(event, new M1Error("EVENT_HANGS_UP", { times: 3 }));
}

function payloads(entries: readonly NumberedEntry[]): (string | undefined)[] {
  return entries.map(({ event, text }) => event?.payload ?? text);
}

/** Page by page, the youngest first. */
async function all(quarantine: Quarantine, limit = 99): Promise<NumberedEntry[]> {
  const found: NumberedEntry[] = [];
  for (let before = ALL; ; ) {
    const page = await quarantine.read(before, limit);
    found.push(...page);
    const last = page.at(-1);
    if (!last) return found;
    before = last.id;
  }
}

describe("the quarantine", () => {
  let folder: string;
  let remove: () => Promise<void>;
  let store: EventStore;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    folder = path.join(temporary.folder, "c1");
    store = new EventStore(folder, WHO);
  });
  afterEach(async () => {
    await store.close();
    await remove();
  });

  async function onDisk(...entries: QuarantineEntry[]): Promise<Quarantine> {
    await store.open();
    if (entries.length > 0) await store.write({ quarantine: entries });
    return new Quarantine(store.quarantine);
  }

  async function inMemory(...entries: QuarantineEntry[]): Promise<Quarantine> {
    const quarantine = new Quarantine();
    for (const entry of entries) quarantine.keep(entry);
    return quarantine;
  }

  for (const [place, make] of [
    ["on disk", onDisk],
    ["in memory", inMemory],
  ] as const) {
    describe(place, () => {
      it("counts what is in it, by reason", async () => {
        const quarantine = await make(refused("1"), hungUp("2"), refused("3"));
        assert.equal(quarantine.count, 3);
        assert.deepEqual(quarantine.reasons, { EVENT_REFUSED: 2, EVENT_HANGS_UP: 1 });
      });

      it("gives all there is to know of an event", async () => {
        const before = Date.now();
        const quarantine = await make(refused('{"a":"ü 😀"}'));
        const [entry] = await quarantine.read(ALL, 1);
        const { id = 0, quarantinedAt = 0, ...rest } = entry ?? {};
        assert.ok(id > 0 && quarantinedAt >= before && quarantinedAt <= Date.now());
        assert.deepEqual(rest, {
          code: "EVENT_REFUSED",
          details: { reason: "too pink" },
          reason: "The broker refused the event: too pink",
          event: { acceptedAt: 1, topic: "0/p/u/pump", payload: '{"a":"ü 😀"}', qos: 1 },
        });
      });

      it("gives pages, the youngest first", async () => {
        const quarantine = await make(...["1", "2", "3", "4", "5"].map((n) => refused(n)));
        const first = await quarantine.read(ALL, 2);
        const second = await quarantine.read(first.at(-1)?.id ?? 0, 2);
        const third = await quarantine.read(second.at(-1)?.id ?? 0, 2);
        assert.deepEqual([first, second, third].map(payloads), [["5", "4"], ["3", "2"], ["1"]]);
        assert.deepEqual(await quarantine.read(third.at(-1)?.id ?? 0, 2), []);
      });

      const mixed = () => [refused("1"), hungUp("2"), refused("3"), hungUp("4")];
      const selections: [string, (ids: readonly number[]) => Selection, string[]][] = [
        ["of one reason", () => ({ code: "EVENT_HANGS_UP" }), ["2", "4"]],
        ["with these ids", ([first, , , last]) => ({ ids: [first ?? 0, last ?? 0] }), ["1", "4"]],
        ["with an id that stands there twice", ([first = 0]) => ({ ids: [first, first] }), ["1"]],
        ["with an id that is not there", () => ({ ids: [12_345] }), []],
        ["all", () => ({}), ["1", "2", "3", "4"]],
      ];
      for (const [title, select, chosen] of selections) {
        it(`gives and removes those: ${title}`, async () => {
          const quarantine = await make(...mixed());
          const ids = (await quarantine.read(ALL, 9)).map(({ id }) => id).reverse();
          const selection = select(ids);
          assert.deepEqual(payloads(await quarantine.read(ALL, 9, selection)).reverse(), chosen);

          assert.equal(await quarantine.remove(selection), chosen.length);

          const left = ["1", "2", "3", "4"].filter((payload) => !chosen.includes(payload));
          assert.deepEqual(payloads(await quarantine.read(ALL, 9)).reverse(), left);
          assert.equal(quarantine.count, left.length);
          assert.equal(await quarantine.remove(selection), 0);
        });
      }
    });
  }

  it("on disk outlives the process, with its numbers and reasons", async () => {
    const quarantine = await onDisk(refused("1"), unreadableEntry("rubbish", "no event"));
    const before = await quarantine.read(ALL, 9);
    await store.close();

    store = new EventStore(folder, WHO);
    const after = await onDisk();

    assert.deepEqual(await after.read(ALL, 9), before);
    assert.deepEqual(after.reasons, { EVENT_REFUSED: 1, "": 1 });
  });

  it("on disk numbers on after a restart", async () => {
    const quarantine = await onDisk(refused("1"), refused("2"));
    const [, first] = await quarantine.read(ALL, 9);
    await quarantine.remove({ ids: [first?.id ?? 0] });
    await store.close();
    store = new EventStore(folder, WHO);
    const after = await onDisk(refused("3"));
    const ids = (await after.read(ALL, 9)).map(({ id }) => id);
    assert.equal(new Set([...ids, first?.id]).size, 3);
  });

  it("on disk gives no number out again, though all have left before a restart", async () => {
    const quarantine = await onDisk(refused("1"));
    const [first] = await quarantine.read(ALL, 9);
    await quarantine.remove({});
    await store.close();
    store = new EventStore(folder, WHO);
    const [second] = await (await onDisk(refused("2"))).read(ALL, 9);
    assert.ok((second?.id ?? 0) > (first?.id ?? 0));
  });

  it("in memory gives no number out again, after a deploy or a restart", async () => {
    const before = await inMemory(refused("1"), refused("2"));
    const [second, first] = await before.read(ALL, 9);
    await before.remove({ ids: [first?.id ?? 0] });

    const after = new Quarantine(undefined, before.inMemory);
    assert.deepEqual(await after.read(ALL, 9), [second]);
    after.keep(refused("3"));
    const [third] = await after.read(ALL, 9);
    assert.ok((third?.id ?? 0) > (second?.id ?? 0));

    while (Date.now() <= (third?.id ?? 0) % 1_000_000_000_000_000) await new Promise(setImmediate);
    const [fresh] = await (await inMemory(refused("4"))).read(ALL, 9);
    assert.ok((fresh?.id ?? 0) > (third?.id ?? 0));
  });

  it("on disk counts right though entries leave while others make room", async () => {
    const large = "x".repeat(1_000_000);
    const quarantine = await onDisk();
    for (let n = 0; n < 40; n += 1) {
      const removing = quarantine.remove({ code: "EVENT_REFUSED" });
      await store.write({ quarantine: [refused(large), hungUp(large)] });
      if (n % 4 === 0) await removing;
    }
    await quarantine.remove({ code: "EVENT_REFUSED" });
    const { length: count } = await all(quarantine);
    assert.ok(count > 0);
    assert.deepEqual([quarantine.count, quarantine.reasons], [count, { EVENT_HANGS_UP: count }]);
  });

  it("on disk removes more than are looked up at once", async () => {
    const quarantine = await onDisk(...Array.from({ length: 2_500 }, (_, n) => refused(`${n}`)));
    assert.equal(await quarantine.remove({}), 2_500);
    assert.deepEqual([quarantine.count, await quarantine.read(ALL, 9)], [0, []]);
  });

  it("on disk reads a megabyte at once, and so keeps no process busy", async () => {
    const large = "x".repeat(600_000);
    const quarantine = await onDisk(refused(large), refused(large), refused(large));
    assert.equal((await quarantine.read(ALL, 9)).length, 3 - 1);
    assert.equal((await all(quarantine)).length, 3);
  });

  it("on disk counts on behind a number that a bad disk has made up", async () => {
    const quarantine = await onDisk(refused("1"));
    await store.close();
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder);
    await db.put("quarantine/00000000000x00-12-EVENT_REFUSED", "rubbish");
    await db.put("quarantine/9999999999999999-12-EVENT_REFUSED", "rubbish");
    await db.close();
    store = new EventStore(folder, WHO);
    const after = await onDisk(refused("2"), refused("3"));
    assert.deepEqual(payloads(await after.read(ALL, 9)), ["3", "2", "1"]);
    assert.equal(after.count, 3);
    assert.equal(quarantine.count, 1);
  });

  it("on disk holds twenty megabytes, and then lets the oldest go", async () => {
    const large = "x".repeat(1_000_000);
    const quarantine = await onDisk();
    for (let n = 1; n <= 25; n += 1) {
      await store.write({ quarantine: [refused(`${n}${large}`)] });
    }
    const there = payloads(await all(quarantine)).map((payload) => payload?.slice(0, 2));
    assert.equal(there[0], "25");
    assert.ok(there.length >= 18 && there.length <= 20, `${there.length}`);
    assert.equal(quarantine.count, there.length);
  });

  it("on disk passes over what a bad disk has changed", async () => {
    const quarantine = await onDisk(refused("1"), refused("2"));
    await store.close();
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder);
    const [key = ""] = await db.keys({ gte: "quarantine/" }).all();
    await db.put(key, String(await db.get(key)).replace("pump", "pomp"));
    await db.close();
    store = new EventStore(folder, WHO);
    const after = await onDisk();
    assert.deepEqual(payloads(await after.read(ALL, 9)), ["2"]);
    assert.equal(quarantine.count, 2);
  });

  it("on disk that is closed refuses instead of saying that there is nothing", async () => {
    const quarantine = await onDisk(refused("1"));
    await store.close();
    await assert.rejects(quarantine.read(ALL, 1), { code: "OUTBOX_CLOSED" });
    await assert.rejects(quarantine.remove({}), { code: "OUTBOX_CLOSED" });
  });

  it("is empty before anything has been put on disk", async () => {
    const quarantine = new Quarantine(store.quarantine);
    assert.deepEqual([quarantine.count, await quarantine.read(ALL, 1)], [0, []]);
    assert.equal(await quarantine.remove({}), 0);
    assert.deepEqual(await readdir(path.dirname(folder)), []);
  });

  it("has what is in memory and on disk in one order, the former first", async () => {
    const quarantine = await onDisk(refused("1"), refused("2"));
    quarantine.keep(refused("3"));
    quarantine.keep(refused("4"));
    assert.deepEqual(payloads(await all(quarantine, 1)), ["4", "3", "2", "1"]);
    assert.equal(await quarantine.remove({}), 4);
  });

  /** As the queue does when the disk takes what is written again. */
  async function toDisk(quarantine: Quarantine, meanwhile?: () => Promise<void>): Promise<void> {
    const entries = [...quarantine.inMemory];
    const written = store.write({ quarantine: entries });
    await meanwhile?.();
    await written;
    await quarantine.stored(entries);
  }

  it("that goes from memory to disk keeps its numbers: what names one still means the same entry", async () => {
    const quarantine = await onDisk(refused("disk"));
    for (const payload of ["one", "two", "three"]) quarantine.keep(refused(payload));
    const before = await all(quarantine);
    await toDisk(quarantine);
    assert.deepEqual(await all(quarantine), before);
    const [three, two] = before as [NumberedEntry, NumberedEntry];
    assert.deepEqual(payloads(await quarantine.read(ALL, 9, { ids: [two.id] })), ["two"]);
    assert.equal(await quarantine.remove({ ids: [two.id] }), 1);
    assert.equal(await quarantine.remove({ ids: [two.id] }), 0);
    assert.deepEqual(payloads(await quarantine.read(three.id, 9)), ["one", "disk"]);
    assert.deepEqual(payloads(await all(quarantine)), ["three", "one", "disk"]);
  });

  it("that goes from memory to disk has what comes after it in front of it", async () => {
    const quarantine = await onDisk();
    quarantine.keep(refused("one"));
    await toDisk(quarantine);
    await store.write({ quarantine: [refused("two")] });
    quarantine.keep(refused("three"));
    assert.deepEqual(payloads(await all(quarantine, 1)), ["three", "two", "one"]);
  });

  it("that goes from memory to disk does not take with it what leaves meanwhile", async () => {
    const quarantine = await onDisk();
    quarantine.keep(refused("one"));
    quarantine.keep(refused("two"));
    const [, one] = await all(quarantine);
    await toDisk(quarantine, async () => {
      assert.equal(await quarantine.remove({ ids: [one?.id ?? 0] }), 1);
    });
    assert.deepEqual(payloads(await all(quarantine)), ["two"]);
    assert.equal(quarantine.count, 1);
  });

  it("on disk lets go, when it is closed at the latest, of what the disk had failed to let go", async () => {
    const quarantine = await onDisk(refused("one"), refused("two"));
    const [two] = await all(quarantine);
    failWrites();
    try {
      await assert.rejects(quarantine.remove({ ids: [two?.id ?? 0] }), { code: "OUTBOX_UNUSABLE" });
    } finally {
      restoreWrites();
    }
    await store.close();
    assert.deepEqual(payloads(await quarantinedIn(folder)), ["one"]);
  });

  it("in memory keeps the latest thousand, and five megabytes of them", async () => {
    const quarantine = await inMemory(...Array.from({ length: 1_100 }, (_, n) => refused(`${n}`)));
    assert.deepEqual(payloads(quarantine.inMemory).slice(0, 1), ["100"]);
    for (let n = 0; n < 10; n += 1) quarantine.keep(refused("x".repeat(1_000_000)));
    assert.equal(quarantine.count, 4);
  });

  it("is waited for while the disk is being opened", async () => {
    await onDisk(refused("1"), refused("2"));
    await store.close();
    const open = () => {
      store = new EventStore(folder, WHO);
      const opening = store.open().then(() => undefined);
      return new Quarantine(store.quarantine, [], () => opening);
    };
    assert.equal((await open().read(ALL, 9)).length, 2);
    await store.close();
    assert.equal(await open().remove({}), 2);
  });

  it("is unsafe until the disk has made sure of it", async () => {
    await onDisk(refused("1"));
    assert.equal(store.isQuarantineUnsafe, true);
    await store.commit();
    assert.equal(store.isQuarantineUnsafe, false);
  });

  it("does not keep an outbox from opening where a bad disk has changed it", async () => {
    const random = Array.from({ length: 40 }, (_, n) => createHash("sha512").update(`${n}`));
    const texts = random.map((hash) => hash.digest("base64").repeat(100));
    await onDisk(...texts.map((text) => refused(text)));
    await store.close();
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder);
    await db.open();
    await db.compactRange("quarantine/", "quarantine0");
    await db.close();
    const tables = (await readdir(folder)).filter((name) => name.endsWith(".ldb"));
    for (const name of tables) {
      const content = await readFile(path.join(folder, name));
      content.fill(0xff, content.length >> 2, content.length >> 1);
      await writeFile(path.join(folder, name), content);
    }

    store = new EventStore(folder, WHO);
    const { warning } = await store.open();

    assert.equal(warning?.code, "OUTBOX_DAMAGED");
    assert.ok(store.quarantine.count < 40);
  });

  describe("in the files of version 0.1.0", () => {
    it("is taken over whole, however many lines there are, and only then deleted", async () => {
      const file = `${folder}.quarantine.jsonl`;
      await writeFile(file, Array.from({ length: 1_200 }, (_, n) => `${line(`${n}`)}\n`).join(""));
      const taken: QuarantineEntry[] = [];
      let wasThere = false;
      const add = async (entries: readonly QuarantineEntry[]) => void taken.push(...entries);
      await takeOverFiles(folder, add, async () => {
        wasThere = taken.length === 1_200 && existsSync(file);
      });
      assert.deepEqual([taken.length, wasThere, existsSync(file)], [1_200, true, false]);
    });

    const line = (payload: string) =>
      JSON.stringify({
        reason: "too pink",
        acceptedAt: "2025-01-02T03:04:05.006Z",
        refusedAt: "2026-03-04T05:06:07.008Z",
        ...{ topic: "0/p/u/d", qos: 2, payload },
      });

    it("is taken over, the older file first, with a line that was cut off, and deleted", async () => {
      await writeFile(`${folder}.quarantine.jsonl.old`, `${line("1")}\n${line("2")}\n`);
      const unreadable = '{"reason":"r","foundAt":"2026-03-04T05:06:07.008Z","text":"rub\\nbish"}';
      await writeFile(`${folder}.quarantine.jsonl`, `${line("3")}\n${unreadable}\n{"cut o`);
      assert.ok(store.exists());

      await store.open();
      await store.close();

      const entries = await quarantinedIn(folder);
      assert.deepEqual(payloads(entries), ["1", "2", "3", "rub\nbish", '{"cut o']);
      const { id: _id, ...first } = entries[0] as NumberedEntry;
      assert.deepEqual(first, {
        quarantinedAt: Date.parse("2026-03-04T05:06:07.008Z"),
        ...{ code: "", details: {}, reason: "too pink" },
        event: {
          acceptedAt: Date.parse("2025-01-02T03:04:05.006Z"),
          ...{ topic: "0/p/u/d", payload: "1", qos: 2 },
        },
      });
      assert.deepEqual(await readdir(path.dirname(folder)), ["c1"]);
    });

    it("is taken over with what a bad disk has made of its lines", async () => {
      const lines = ["null", "3", '{"reason":"r"}', line("1").replace('"0/p/u/d"', "5"), line("2")];
      const odd = line("3").replace('"qos":2', '"qos":7');
      await writeFile(`${folder}.quarantine.jsonl`, `${[...lines, odd].join("\n")}\n`);

      await store.open();
      await store.close();

      const expected = [...lines.slice(0, -1), "2", odd];
      assert.deepEqual(payloads(await quarantinedIn(folder)), expected);
      assert.deepEqual(await readdir(path.dirname(folder)), ["c1"]);
    });

    it("does not keep an outbox from opening where a folder has its name", async () => {
      await mkdir(`${folder}.quarantine.jsonl`);
      const { warning } = await store.open();
      assert.deepEqual([warning, store.quarantine.count], [undefined, 0]);
    });
  });
});
