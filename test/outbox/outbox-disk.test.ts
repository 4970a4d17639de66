// The outbox on disk: what it promises across restarts, full and broken disks, and deploys.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import timers from "node:timers/promises";
import { ClassicLevel } from "classic-level";
import {
  type Delivery,
  type Handover,
  noCallback,
  type OutgoingEvent,
} from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { discardHandover } from "../../nodes/outbox/handover";
import { Outbox, type OutboxOptions, type OutboxPolicy } from "../../nodes/outbox/outbox";
import { unseal } from "../../nodes/outbox/seal";
import { M1Error } from "../../nodes/protocol/errors";
import { closeConnections, openConnection } from "../support/connections";
import { failWrites, restoreWrites, write, writeBy } from "../support/disk-writing";
import { Machine } from "../support/machine";
import { temporaryFolder } from "../support/processes";
import { quarantinedIn } from "../support/quarantined";
import { ScriptedBroker, stopBrokers } from "../support/scripted-broker";

const who = { projectMqtt: "p", userMqtt: "u" };
const UNLIMITED: OutboxPolicy = {
  limit: 1_000_000,
  full: "reject",
  bytes: Number.POSITIVE_INFINITY,
  maxAge: Number.POSITIVE_INFINITY,
};

describe("the outbox on disk", () => {
  let parent: string;
  let folder: string;
  let removeParent: () => Promise<void>;
  const open = new Set<Outbox>();

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    parent = temporary.folder;
    folder = path.join(parent, "m1-outbox", "c1");
    removeParent = temporary.remove;
  });

  afterEach(async () => {
    await closeConnections();
    await stopBrokers();
    for (const outbox of open) await outbox.close();
    open.clear();
    await removeParent();
  });

  function outbox(
    options: Partial<OutboxOptions> = {},
    policy: Partial<OutboxPolicy> = {},
  ): Outbox {
    const store = new EventStore(folder, who);
    const made = new Outbox({ ...UNLIMITED, ...policy }, { store, ...options });
    open.add(made);
    return made;
  }

  async function close(made: Outbox): Promise<Handover> {
    open.delete(made);
    return made.close();
  }

  it("touches nothing before the first event", async () => {
    const made = outbox();

    assert.equal(made.next(), undefined);
    await close(made);

    assert.deepEqual(await readdir(parent), []);
  });

  it("gives an event out only when it is written", async () => {
    const made = outbox();

    made.add(event(1));

    assert.equal(made.next(), undefined);
    assert.equal(made.size, 1);
    await ready(made);
    assert.equal(made.next()?.payload, "1");
  });

  it("gives the events of an earlier process out again, in order, with all they had", async () => {
    const first = outbox();
    first.add({ ...event(1), qos: 2, topic: "0/p/u/a b", payload: 'line\nbreak "ü" 😀' });
    for (let n = 2; n <= 5_000; n += 1) first.add(event(n));
    await close(first);

    const second = outbox();
    const events = await drain(second, 5_000);

    const [head, ...rest] = events;
    assert.deepEqual(
      { topic: head?.topic, payload: head?.payload, qos: head?.qos },
      { topic: "0/p/u/a b", payload: 'line\nbreak "ü" 😀', qos: 2 },
    );
    assert.deepEqual(
      rest.map(({ payload }) => Number(payload)),
      Array.from({ length: 4_999 }, (_, index) => index + 2),
    );
  });

  it("counts the events of an earlier process", async () => {
    const first = outbox();
    for (let n = 1; n <= 3_000; n += 1) first.add(event(n));
    await close(first);

    const second = outbox();
    const restored: number[] = [];
    second.onRestored = (count) => restored.push(count);
    await ready(second);

    assert.equal(second.size, 3_000);
    assert.deepEqual(restored, [3_000]);
  });

  it("does not count as found what a deploy hands over", async () => {
    const first = outbox();
    for (let n = 1; n <= 9_000; n += 1) first.add(event(n));
    await ready(first);
    const handover = await close(first);

    const second = outbox({ handover });
    const restored: number[] = [];
    second.onRestored = (count) => restored.push(count);
    await drain(second, 9_000);

    assert.deepEqual(restored, []);
  });

  it("forgets what was delivered", async () => {
    const first = outbox();
    for (let n = 1; n <= 10; n += 1) first.add(event(n));
    await drain(first, 7);
    await close(first);

    const rest = await drain(outbox(), 3);

    assert.deepEqual(
      rest.map(({ payload }) => payload),
      ["8", "9", "10"],
    );
  });

  it("keeps the order between what is on disk and what comes while that is read", async () => {
    const made = outbox();
    const events: OutgoingEvent[] = [];
    for (let n = 1; n <= 20_000; n += 1) {
      made.add(event(n));
      if (n % 500 === 0) await nextTurn();
      if (n > 9_000) events.push(...take(made, 3));
    }
    while (events.length < 20_000) {
      events.push(...take(made, 100));
      await nextTurn();
    }

    assert.deepEqual(
      events.map(({ payload }) => Number(payload)),
      Array.from({ length: 20_000 }, (_, index) => index + 1),
    );
  });

  it("passes over nothing that is written while it looks in vain for something older", async () => {
    const first = outbox();
    first.add(event(1));
    await drain(first, 1);
    await close(first);
    const store = new EventStore(folder, who);
    const { read, write } = store;
    const written = new Promise<void>((resolve) => {
      store.write = (changes) => {
        const done = write.call(store, changes);
        void done.then(resolve);
        return done;
      };
    });
    store.read = async (...range) => {
      const events = await read.apply(store, range);
      await written;
      return events;
    };
    const second = outbox({ store });
    second.add(event(2));
    await written;
    second.add(event(3));

    const events = await drain(second, 2);

    assert.deepEqual(
      events.map(({ payload }) => payload),
      ["2", "3"],
    );
  });

  it("gives out once what is read before its writing is reported", async () => {
    const ended: number[] = [];
    const first = outbox();
    for (let n = 1; n <= 3_000; n += 1) first.add(event(n, () => ended.push(n)));
    const store = new EventStore(folder, who);
    const made = outbox({ store, handover: await close(first) });
    await ready(made);
    const { write } = store;
    let report: () => void = () => undefined;
    const reported = new Promise<void>((resolve) => {
      report = resolve;
    });
    const written = new Promise<void>((resolve) => {
      store.write = async (changes) => {
        await write.call(store, changes);
        resolve();
        await reported;
      };
    });
    made.add(event(3_001, () => ended.push(3_001)));
    await written;

    await drain(made, 3_000);
    report();
    await drain(made, 1);
    const { callbacks: awaited } = await close(made);

    assert.deepEqual(
      ended,
      Array.from({ length: 3_001 }, (_, index) => index + 1),
    );
    assert.deepEqual({ awaited: awaited.size, size: made.size }, { awaited: 0, size: 0 });
  });

  it("keeps sixteen million characters in memory, and reads half of that at once", async () => {
    const most = 16_000_000;
    const block = 270_000;
    const payload = (n: number) => String(n).padEnd(60_000);
    const store = new EventStore(folder, who);
    const { read } = store;
    const readings: number[] = [];
    let begun = 0;
    store.read = async (...range) => {
      begun += 1;
      const found = await read.apply(store, range);
      readings.push(charactersOf(found));
      return found;
    };
    const made = outbox({ store });
    for (const n of numbers(1, 600)) made.add({ ...event(n), payload: payload(n) });

    const shares: number[] = [];
    const given: OutgoingEvent[] = [];
    while (given.length < 600) {
      await ready(made);
      const share: Delivery[] = [];
      for (let next = made.next(); next; next = made.next()) share.push(next);
      if (given.length === 0) assert.equal(begun, 0, "memory is full, and nothing more is read");
      given.push(...share.map((delivery) => ({ ...delivery })));
      shares.push(charactersOf(share));
      for (const delivery of share) made.acknowledge(delivery);
      made.next();
    }

    assert.deepEqual(
      given.map(({ payload }) => Number(payload)),
      numbers(1, 600),
    );
    assert.ok(Math.max(...shares) < most + block, `in memory: ${shares}`);
    assert.ok(Math.max(...readings) < most / 2 + block, `read at once: ${readings}`);
    assert.ok(readings.length <= 4, `read: ${readings}`);
  });

  it("writes no more than 4,000 events or four million characters at once, and one event", async () => {
    const short = Array.from({ length: 5_000 }, (_, index) => event(index));
    const long = Array.from({ length: 150 }, (_, index) => ({
      ...event(5_000 + index),
      payload: String(5_000 + index).padEnd(60_000),
    }));
    const store = new EventStore(folder, who);
    const { write } = store;
    const written: { events: number; characters: number }[] = [];
    store.write = (changes) => {
      const { add = [] } = changes ?? {};
      if (add.length > 0) written.push({ events: add.length, characters: charactersOf(add) });
      return write.call(store, changes);
    };
    const made = outbox({ store });

    for (const one of [...short, ...long]) made.add(one);
    const events = await drain(made, 5_150);

    assert.deepEqual(
      events.map(({ payload }) => Number(payload)),
      numbers(0, 5_149),
    );
    assert.equal(Math.max(...written.map(({ events }) => events)), 4_000);
    const most = Math.max(...written.map(({ characters }) => characters));
    assert.ok(most < 4_000_000 + 60_000, `${most} characters`);
    assert.ok(written.length <= 5, `${written.length} writes`);
  });

  it("ends each event once, after a deploy too, whether it was in memory or on disk", async () => {
    const ended: number[] = [];
    const first = outbox();
    for (let n = 1; n <= 9_000; n += 1) first.add(event(n, () => ended.push(n)));
    const handover = await close(first);

    await drain(outbox({ handover }), 9_000);

    assert.deepEqual(
      ended,
      Array.from({ length: 9_000 }, (_, index) => index + 1),
    );
  });

  it("hands a memory outbox's events to disk when a deploy changes the setting", async () => {
    const memory = new Outbox(UNLIMITED);
    memory.add(event(1));
    const handover = await memory.close();
    await close(outbox({ handover }));

    const [only] = await drain(outbox(), 1);

    assert.equal(only?.payload, "1");
  });

  it("sends what is on disk before what is new when a deploy changes the setting to memory", async () => {
    const disk = outbox();
    for (let n = 1; n <= 3; n += 1) disk.add(event(n));
    await close(disk);
    const memory = outbox({ storesNew: false });
    memory.add(event(4));

    const events = await drain(memory, 4);

    assert.deepEqual(
      events.map(({ payload }) => payload),
      ["1", "2", "3", "4"],
    );
  });

  it("never gives out another user's events, and keeps them for that user", async () => {
    const first = outbox();
    first.add(event(1));
    await close(first);
    const store = new EventStore(folder, { projectMqtt: "p", userMqtt: "u2" });
    const other = outbox({ store });
    other.add(event(2));
    assert.deepEqual(
      (await drain(other, 1)).map(({ payload }) => payload),
      ["2"],
    );
    await close(other);

    const [kept] = await drain(outbox(), 1);

    assert.equal(kept?.payload, "1");
  });

  it("refuses events over the limit, those on disk counted", async () => {
    const first = outbox();
    for (let n = 1; n <= 5; n += 1) first.add(event(n));
    await close(first);
    const second = outbox({}, { limit: 6 });
    await ready(second);

    second.add(event(6));

    assert.throws(() => second.add(event(7)), { code: "OUTBOX_FULL" });
  });

  describe("what comes while it is opened after a restart", () => {
    const fates = (made: Outbox, from: number, to: number) => {
      const told: string[] = [];
      for (const n of numbers(from, to)) {
        const done = (error?: M1Error) => told.push(`${n} ${error?.code}`);
        if (!accepts(made, event(n, done))) told.push(`${n} refused`);
      }
      return told;
    };

    beforeEach(async () => {
      const first = outbox();
      for (const n of numbers(1, 60)) first.add(event(n));
      await close(first);
    });

    it("is refused as far as there is no room beside what is found", async () => {
      const made = outbox({}, { limit: 100 });
      const told = fates(made, 61, 130);
      const changed = new Promise<void>((resolve) => {
        made.onLost = resolve;
      });
      await changed;

      assert.equal(made.size, 100);
      assert.deepEqual(
        told,
        numbers(101, 130).map((n) => `${n} OUTBOX_FULL`),
      );
      assert.deepEqual(payloads(await drain(made, 100)), numbers(1, 100).map(String));
      assert.equal(made.size, 0);
    });

    it("takes the place of the oldest, if told so", async () => {
      const made = outbox({}, { limit: 100, full: "drop-oldest" });
      const told = fates(made, 61, 170);

      assert.deepEqual(payloads(await drain(made, 100)), numbers(71, 170).map(String));
      assert.deepEqual(
        told.filter((fate) => !fate.endsWith("undefined")),
        numbers(61, 70).map((n) => `${n} OUTBOX_DROPPED`),
      );
      assert.deepEqual(
        { size: made.size, ...made.losses },
        { size: 0, dropped: 70, expired: 0, unreadable: 0, quarantined: 0 },
      );
    });

    it("does not push out what a deploy handed over, although the limit is lower now", async () => {
      const memory = new Outbox(UNLIMITED);
      for (const n of numbers(61, 90)) memory.add(event(n));
      const made = outbox({ handover: await memory.close() }, { limit: 70 });
      const told = fates(made, 91, 100);

      assert.deepEqual(payloads(await drain(made, 90)), numbers(1, 90).map(String));
      assert.deepEqual(
        told,
        numbers(91, 100).map((n) => `${n} OUTBOX_FULL`),
      );
    });
  });

  it("knows the bytes of what an earlier process left, and refuses what has no room beside it", async () => {
    const first = outbox();
    for (const n of numbers(1_001, 2_000)) first.add(event(n));
    await drain(first, 100);
    const { bytes } = first;
    await close(first);
    assert.equal(bytes, 900 * ("0/p/u/d".length + 4));

    const second = outbox({}, { bytes: bytes + 15 });
    await ready(second);

    assert.equal(second.bytes, bytes);
    second.add(event(2_001));
    assert.throws(() => second.add(event(2_002)), { code: "OUTBOX_FULL" });
    await drain(second, 901);
    assert.equal(second.bytes, 0);
  });

  it("makes room by dropping the oldest, even those that are on disk only", async () => {
    const dropped: number[] = [];
    const made = outbox({}, { limit: 10_000, full: "drop-oldest" });
    for (let n = 1; n <= 16_000; n += 1) {
      made.add(event(n, (error) => error && dropped.push(n)));
      if (n === 10_000) await quiet();
    }

    const events = await drain(made, 10_000);

    assert.equal(events[0]?.payload, "6001");
    assert.deepEqual(
      dropped,
      Array.from({ length: 6_000 }, (_, index) => index + 1),
    );
    assert.equal(made.losses.dropped, 6_000);
    assert.equal(made.size, 0);
  });

  it("gives up what is too old, also from an earlier process", async () => {
    const machine = new Machine();
    const first = outbox({ clock: machine.startProcess() });
    first.add(event(1));
    await close(first);
    machine.wait(3_600_001);
    const second = outbox({ clock: machine.startProcess() }, { maxAge: 3_600_000 });
    second.add(event(2));

    const events = await drain(second, 1);

    assert.equal(events[0]?.payload, "2");
    assert.equal(second.losses.expired, 1);
  });

  it("makes room for new events by giving up what is too old and on disk only", async () => {
    const machine = new Machine();
    const clock = machine.startProcess();
    const policy = { limit: 9_000, maxAge: 3_600_000 };
    const first = outbox({ clock }, policy);
    for (let n = 1; n <= 9_000; n += 1) first.add(event(n));
    const made = outbox({ clock, handover: await close(first) }, policy);
    await ready(made);
    machine.wait(3_600_001);

    for (let n = 1; n <= 9_000; n += 1) {
      while (!accepts(made, event(n))) await ready(made);
    }

    assert.equal(made.losses.expired, 9_000);
    assert.equal(made.size, 9_000);
  });

  it("puts an event into quarantine with the reason, and out of the queue", async () => {
    const first = outbox();
    first.add(event(1));
    await ready(first);
    await quiet();
    const delivery = first.next();
    assert.ok(delivery);

    first.setAside(delivery, new M1Error("EVENT_REFUSED", { reason: "too pink" }));
    await close(first);

    const [entry, ...rest] = await quarantinedIn(folder);
    assert.deepEqual([entry?.code, entry?.details], ["EVENT_REFUSED", { reason: "too pink" }]);
    assert.deepEqual([entry?.event?.payload, rest], ["1", []]);
    assert.equal(outbox().size, 0);
  });

  it("does not forget what left last, however slow the write before is", async () => {
    const first = outbox();
    for (const n of [1, 2, 3]) first.add(event(n));
    await close(first);
    const store = new EventStore(folder, who);
    await store.open();
    let calls = 0;
    let later: unknown;
    // Whatever is begun before the first has ended overtakes it.
    const held = async function (this: ClassicLevel, ...operations: []) {
      calls += 1;
      const isFirst = calls === 1;
      if (isFirst) await nextTurn();
      await later;
      const written = write.apply(this, operations);
      if (!isFirst) later = written;
      await written;
    };
    writeBy(held);
    try {
      const left = (sequence: number) => {
        store.remove(sequence);
        return store.write();
      };
      await Promise.all([1, 2].map(left));
    } finally {
      restoreWrites();
    }
    await store.close();

    assert.deepEqual(payloads(await drain(outbox(), 1)), ["3"]);
    assert.equal(calls, 2);
  });

  it("tells who waits when nobody takes over, and keeps the events on disk", async () => {
    const told: (string | undefined)[] = [];
    const made = outbox();
    for (let n = 1; n <= 9_000; n += 1) made.add(event(n, (error) => told.push(error?.code)));
    await quiet();

    discardHandover(await close(made));

    assert.equal(told.length, 9_000);
    assert.ok(told.every((code) => code === "OUTBOX_KEPT"));
    assert.equal((await drain(outbox(), 9_000)).length, 9_000);
  });

  describe("while events keep coming", () => {
    const { setTimeout: pause } = timers;
    /** Those that have begun, which a test ends itself. */
    let pauses: { readonly milliseconds: number; readonly end: () => void }[];
    /** How many events each write had. */
    let writes: number[];
    let store: EventStore;

    beforeEach(() => {
      pauses = [];
      writes = [];
      store = new EventStore(folder, who);
      const { write } = store;
      store.write = (changes) => {
        writes.push(changes?.add?.length ?? 0);
        return write.call(store, changes);
      };
      const held = (milliseconds: number) =>
        new Promise<void>((end) => pauses.push({ milliseconds, end }));
      Object.assign(timers, { setTimeout: held });
    });

    afterEach(() => {
      Object.assign(timers, { setTimeout: pause });
      for (const { end } of pauses) end();
    });

    it("writes once what many turns bring in the two milliseconds after a write", async () => {
      const made = outbox({ store });
      for (const n of numbers(1, 10)) made.add(event(n));
      await ready(made);

      for (const turn of numbers(1, 40)) {
        for (const n of numbers(1, 10)) made.add(event(10 * turn + n));
        await nextTurn();
      }

      assert.deepEqual(writes, [10]);
      assert.deepEqual(
        pauses.map(({ milliseconds }) => milliseconds),
        [2],
      );
      pauses[0]?.end();
      await ready(made);
      assert.deepEqual(writes, [10, 400]);
    });

    it("pauses no longer once five hundred wait", async () => {
      const { writing, proceed } = slow(store);
      const made = outbox({ store });
      for (const n of numbers(1, 10)) made.add(event(n));
      await writing;
      for (const n of numbers(11, 510)) made.add(event(n));

      proceed();
      await drain(made, 510);

      assert.deepEqual(writes.slice(0, 2), [10, 500]);
    });

    it("writes a few at once, one after the other", async () => {
      const made = outbox({ store });
      for (const n of numbers(1, 9)) made.add(event(n));
      await ready(made);
      made.add(event(10));
      await ready(made);
      await nextTurn();

      assert.deepEqual(writes, [9, 1]);
      assert.deepEqual(pauses, []);
    });
  });

  describe("full, and told to drop the oldest", () => {
    it("reads nothing and writes little, however many it drops behind one in flight", async () => {
      const store = new EventStore(folder, who);
      const { read } = store;
      let readings = 0;
      store.read = (...range) => {
        readings += 1;
        return read.apply(store, range);
      };
      const made = outbox({ store }, { limit: 1_000, full: "drop-oldest" });
      made.add(event(1));
      const [inFlight] = await given(made, 1);
      for (const n of numbers(2, 20_000)) {
        made.add(event(n));
        if (n % 500 === 0) await nextTurn();
      }

      assert.deepEqual(payloads(await drain(made, 999)), numbers(19_002, 20_000).map(String));
      assert.equal(readings, 0);
      assert.equal(inFlight?.removed, false);
      await close(made);
      assert.match((await settledText(folder)) ?? "", /^1 2-\d+$/);
    });

    it("gives out nothing that it dropped while that was written and older ones were read", async () => {
      const policy = { limit: 20, full: "drop-oldest" } as const;
      const first = outbox({}, policy);
      for (const n of numbers(1, 20)) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      const { writing, reading, proceed } = slow(store);
      const told: string[] = [];
      const made = outbox({ store }, policy);
      await reading;
      for (const n of numbers(21, 40))
        made.add(event(n, (error) => told.push(`${n} ${error?.code}`)));
      await writing;

      for (const n of numbers(41, 45)) made.add(event(n));

      assert.deepEqual(
        told,
        numbers(21, 25).map((n) => `${n} OUTBOX_DROPPED`),
      );
      assert.equal(made.size, 20);
      proceed();
      assert.deepEqual(payloads(await drain(made, 20)), numbers(26, 45).map(String));
      await close(made);
      assert.deepEqual(
        { size: made.size, ...made.losses },
        { size: 0, dropped: 25, expired: 0, unreadable: 0, quarantined: 0 },
      );
      const left = new EventStore(folder, who);
      await left.open();
      assert.equal(left.count, 0);
      await left.close();
    });

    it("drops what is being written before what came later, and not a second time", async () => {
      const store = new EventStore(folder, who);
      const { writing, proceed } = slow(store);
      const told: string[] = [];
      const made = outbox({ store }, { limit: 3, full: "drop-oldest" });
      for (const n of [1, 2, 3]) made.add(event(n, (error) => told.push(`${n} ${error?.code}`)));
      await writing;

      for (const n of [4, 5]) made.add(event(n));
      assert.equal(made.size, 3);
      proceed();

      assert.deepEqual(payloads(await drain(made, 3)), ["3", "4", "5"]);
      assert.deepEqual(told.slice(0, 2), ["1 OUTBOX_DROPPED", "2 OUTBOX_DROPPED"]);
      await close(made);
      assert.equal((await drain(outbox(), 0)).length, 0);
    });

    it("drops no more than there are, however many come while it reads", async () => {
      const first = outbox();
      for (const n of [1, 2]) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      const { reading, proceed } = slow(store);
      const made = outbox({ store }, { limit: 2, full: "drop-oldest" });
      await reading;

      for (const n of [3, 4, 5, 6]) made.add(event(n));
      assert.equal(made.size, 2);
      proceed();

      assert.deepEqual(payloads(await drain(made, 2)), ["5", "6"]);
      assert.equal(made.size, 0);
    });
  });

  it("refuses an event that comes when it is closed", async () => {
    const made = outbox();
    await close(made);

    assert.throws(() => made.add(event(1)), { code: "OUTBOX_CLOSED" });
  });

  describe("events that are done when they are stored", () => {
    const stored = (n: number, told: string[]): OutgoingEvent => ({
      ...event(n, (error) => told.push(`${n} ${error?.code ?? "ok"}`)),
      isDoneWhenStored: true,
    });

    it("end when they are written, in order, and leave nothing in memory that waits for them", async () => {
      const told: string[] = [];
      const first = outbox();
      for (const n of numbers(1, 6_000)) first.add(stored(n, told));
      assert.deepEqual(told, []);
      await given(first, 1);
      while (told.length < 6_000) await ready(first);
      const { events: handedOver, callbacks } = await close(first);

      assert.deepEqual(
        told,
        numbers(1, 6_000).map((n) => `${n} ok`),
      );
      assert.equal(handedOver.length, 0);
      assert.deepEqual(
        [...callbacks.values()].filter((done) => done !== noCallback),
        [],
      );
      assert.equal((await drain(outbox(), 6_000)).length, 6_000);
    });

    it("end also where the disk is of no use, once they wait in memory", async () => {
      const told: string[] = [];
      await mkdir(path.dirname(folder), { recursive: true });
      await writeFile(folder, "a file where the folder should be");
      const made = outbox();
      made.add(stored(1, told));

      await drain(made, 1);

      assert.deepEqual(told, ["1 ok"]);
    });
  });

  describe("when what is on disk makes no sense", () => {
    const tell = (told: Map<number, string | undefined>, n: number) =>
      event(n, (error) => told.set(n, error?.code));

    it("delivers all but what cannot be read, tells who waits for that, and keeps its text", async () => {
      const told = new Map<number, string | undefined>();
      const first = outbox();
      for (const n of numbers(1, 1_500)) first.add(tell(told, n));
      const handover = await close(first);
      // The second of three blocks, from its 101st event on.
      const cut = (text: string) => text.replace(/(?<=\D601$|\D601(?=\d{13} )).*/s, "rubbish");
      await rewrite(folder, "events/", (text, index) => (index === 1 ? cut(text) : text));
      const warnings: M1Error[] = [];
      const made = outbox({ handover });
      made.onWarning = (warning) => warnings.push(warning);

      const events = await drain(made, 1_101);
      await close(made);

      assert.deepEqual(
        events.map(({ payload }) => Number(payload)),
        [...numbers(1, 601), ...numbers(1_001, 1_500)],
      );
      assert.deepEqual(
        numbers(1, 1_500).filter((n) => told.get(n) === "OUTBOX_UNREADABLE"),
        numbers(602, 1_000),
      );
      assert.equal(told.size, 1_500);
      assert.equal(made.size, 0);
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["OUTBOX_UNREADABLE"],
      );
      const [entry, ...rest] = await quarantinedIn(folder);
      assert.match(entry?.reason ?? "", /entry 602/);
      assert.match(entry?.text ?? "", /601rubbish$/);
      assert.deepEqual(rest, []);
    });

    it("is done with it at the next start", async () => {
      const first = outbox();
      for (const n of numbers(1, 600)) first.add(event(n));
      await close(first);
      const untilFirst = (text: string) => text.slice(0, text.indexOf("1", text.indexOf("\n")) + 1);
      await rewrite(folder, "events/", (text, index) => (index === 0 ? untilFirst(text) : text));
      const second = outbox();
      await ready(second);
      // As it is not acknowledged, its block stays.
      assert.equal(second.next()?.payload, "1");
      assert.equal((await drain(second, 100))[0]?.payload, "501");
      await close(second);

      const third = outbox();
      const warnings: M1Error[] = [];
      third.onWarning = (warning) => warnings.push(warning);
      third.add(event(601));

      const events = await drain(third, 2);
      assert.deepEqual(
        events.map(({ payload }) => payload),
        ["1", "601"],
      );
      assert.deepEqual(warnings, []);
      await close(third);
      assert.equal((await quarantinedIn(folder)).length, 1);
    });

    it("says so once, although nothing can be read, and counts nothing of it", async () => {
      const first = outbox();
      for (const n of numbers(1, 9_000)) first.add(event(n));
      await close(first);
      await rewrite(folder, "events/", () => "rubbish");
      const warnings: M1Error[] = [];
      const made = outbox();
      made.onWarning = (warning) => warnings.push(warning);
      await ready(made);
      const connection = openConnection(await ScriptedBroker.start(), { outbox: made });

      while (made.size > 0) await once(connection, "outbox");

      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["OUTBOX_UNREADABLE"],
      );
    });

    it("drops the oldest of what there was, whether it can be read or not", async () => {
      const first = outbox();
      for (const n of numbers(1, 1_000)) first.add(event(n));
      const handover = await close(first);
      await rewrite(folder, "events/", (text, index) => (index === 0 ? "rubbish" : text));
      const store = new EventStore(folder, who);
      const { reading, proceed } = slow(store);
      const made = outbox({ store, handover }, { limit: 1_000, full: "drop-oldest" });
      await reading;
      for (const n of numbers(1_001, 1_200)) made.add(event(n));
      assert.equal(made.size, 1_000);
      proceed();

      const events = await drain(made, 700);

      assert.deepEqual(
        events.map(({ payload }) => Number(payload)),
        numbers(501, 1_200),
      );
      assert.deepEqual(
        { size: made.size, dropped: made.losses.dropped },
        { size: 0, dropped: 200 },
      );
    });

    for (const { title, names, repeated } of [
      {
        title: "does not deliver again what the ledger knows to have left",
        names: /^$/,
        repeated: 0,
      },
      {
        title: "delivers again rather than never what may have left",
        names: /^ledger/,
        repeated: 100,
      },
    ]) {
      it(title, async () => {
        const told = new Map<number, string | undefined>();
        const first = outbox();
        for (const n of numbers(1, 6_000)) first.add(tell(told, n));
        await drain(first, 5_100);
        const handover = await close(first);
        await rewrite(folder, "settled/", () => "rubbish");
        await damage(folder, names);
        const made = outbox({ handover });
        const warning = await warned(made);

        const events = await drain(made, 900 + repeated);
        await close(made);

        assert.equal(warning.code, "OUTBOX_UNREADABLE");
        assert.deepEqual(
          events.map(({ payload }) => Number(payload)),
          numbers(5_101 - repeated, 6_000),
        );
        assert.deepEqual(new Set(told.values()), new Set([undefined]));
        assert.deepEqual(
          (await quarantinedIn(folder)).map(({ text }) => text),
          ["rubbish"],
        );
        assert.equal(await settledText(folder), "6001");
        assert.equal(made.size, 0);
      });
    }
  });

  describe("when the disk is of no use", () => {
    it("keeps events in memory, and says once why", async () => {
      await mkdir(path.dirname(folder), { recursive: true });
      await writeFile(folder, "a file where the folder should be");
      const warnings: M1Error[] = [];
      const made = outbox();
      made.onWarning = (warning) => warnings.push(warning);
      for (let n = 1; n <= 3; n += 1) made.add(event(n));

      const events = await drain(made, 3);

      assert.deepEqual(
        events.map(({ payload }) => payload),
        ["1", "2", "3"],
      );
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ["OUTBOX_UNUSABLE"],
      );
    });

    it("says that another process has it", async () => {
      const other = new ClassicLevel(folder);
      await mkdir(folder, { recursive: true });
      await other.open();
      const made = outbox();
      const warning = warned(made);
      made.add(event(1));

      assert.match((await warning).message, /lock/i);
      assert.equal((await drain(made, 1)).length, 1);
      await other.close();
    });

    for (const { title, names, events: delivered } of [
      {
        title: "repairs what only LevelDB's lists are damaged of",
        names: /^(MANIFEST|CURRENT)/,
        events: ["1", "2"],
      },
      { title: "goes on with an empty database where all is damaged", names: /./, events: ["2"] },
    ]) {
      it(`${title}, and keeps a copy where the warning says`, async () => {
        const first = outbox();
        first.add(event(1));
        await close(first);
        await damage(folder, names);
        const made = outbox();
        const warning = await warned(made);
        made.add(event(2));

        assert.deepEqual(payloads(await drain(made, delivered.length)), delivered);
        assert.equal(warning.code, "OUTBOX_DAMAGED");
        const kept = (await readdir(path.dirname(folder))).filter((name) =>
          name.includes("damaged"),
        );
        assert.equal(kept.length, 1);
        assert.ok(warning.message.includes(kept[0] ?? ""), warning.message);
      });
    }

    for (const [how, harm] of [
      ["damaged", damage],
      ["cut short", cutShort],
    ] as const) {
      it(`counts as lost what cannot be repaired, once, if only what the events are in is ${how}`, async () => {
        const first = outbox();
        first.add(event(1));
        await close(first);
        // A start moves what is in LevelDB's log to a table.
        await close(outbox());
        await harm(folder, /\.ldb$/);
        const made = outbox();
        const warning = await warned(made);
        made.add(event(2));
        await ready(made);
        await close(made);

        const next = outbox();
        assert.deepEqual(payloads(await drain(next, 1)), ["2"]);
        assert.equal(warning.code, "OUTBOX_DAMAGED");
        assert.deepEqual([made.losses.unreadable, next.losses.unreadable], [1, 0]);
      });
    }

    it("goes on in memory when writing fails later, without losing or repeating an event", async () => {
      const store = new EventStore(folder, who);
      const made = outbox({ store });
      const ended: number[] = [];
      for (let n = 1; n <= 6_000; n += 1) made.add(event(n, () => ended.push(n)));
      await quiet();
      store.write = () => Promise.reject(new Error("no space left on device"));
      const warning = warned(made);
      for (let n = 6_001; n <= 7_000; n += 1) made.add(event(n, () => ended.push(n)));
      assert.match((await warning).message, /no space left/);

      const events = await drain(made, 7_000);

      assert.equal(events.length, 7_000);
      assert.deepEqual(
        ended,
        Array.from({ length: 7_000 }, (_, index) => index + 1),
      );
    });

    it("hides no later event although what left last could not be written", async () => {
      const first = outbox();
      for (const n of numbers(1, 5)) first.add(event(n));
      const deliveries = await given(first, 5);
      const [early] = deliveries.splice(2, 1);
      assert.ok(early);
      first.acknowledge(early);
      await ready(first);
      const warning = warned(first);
      failWrites();
      try {
        for (const delivery of deliveries) first.acknowledge(delivery);
        assert.match((await warning).message, /no space left/);
        await close(first);
      } finally {
        restoreWrites();
      }

      const second = outbox();
      for (const n of numbers(6, 9)) second.add(event(n));
      await close(second);

      const third = outbox();
      await ready(third);
      assert.deepEqual(payloads(take(third, 10)), ["1", "2", "4", "5", "6", "7", "8", "9"]);
    });

    it("tells who waits for what is on disk if reading that fails, and counts the rest", async () => {
      const told: (string | undefined)[] = [];
      const first = outbox();
      for (const n of numbers(1, 3_000)) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      const made = outbox({ store });
      await ready(made);
      for (const n of numbers(3_001, 3_010)) made.add(event(n, (error) => told.push(error?.code)));
      await ready(made);
      store.read = () => Promise.reject(new Error("input/output error"));
      const warning = warned(made);
      for (const _ of numbers(1, 1_500)) made.next();
      await warning;

      assert.equal(made.size, 2_000);
      assert.deepEqual(told, Array(10).fill("OUTBOX_UNUSABLE"));
    });

    it("counts and delivers what is being written when reading fails", async () => {
      const first = outbox();
      for (const n of numbers(1, 3_000)) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      const made = outbox({ store });
      await ready(made);
      const { writing, proceed } = slow(store);
      for (const n of numbers(3_001, 3_010)) made.add(event(n));
      await writing;
      made.add(event(3_011));
      store.read = () => Promise.reject(new Error("input/output error"));
      const warning = warned(made);
      const events = take(made, 1_500);
      assert.match((await warning).message, /input\/output error/);

      assert.equal(made.size, 500 + 10 + 1);
      proceed();
      events.push(...(await drain(made, 511)));

      assert.equal(made.size, 0);
      assert.deepEqual(
        events.map(({ payload }) => Number(payload)),
        [...numbers(1, 2_000), ...numbers(3_001, 3_011)],
      );
    });

    it("drops what is on disk although that cannot be read, and nothing newer in its place", async () => {
      const first = outbox();
      for (const n of numbers(1, 6_000)) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      const made = outbox({ store }, { limit: 6_000, full: "drop-oldest" });
      await ready(made);
      const inFlight = await given(made, 1);
      await ready(made);
      const { read } = store;
      store.read = () => Promise.reject(new Error("input/output error"));
      const { reading, writing, proceed } = slow(store);
      // All that memory has room for is in flight, and the rest is being read.
      inFlight.push(...(await given(made, 3_999)));
      await reading;
      for (const n of numbers(6_001, 6_003)) made.add(event(n));
      await writing;
      const warning = warned(made);
      proceed();
      await warning;
      store.read = read;
      await ready(made);

      for (const delivery of inFlight) made.acknowledge(delivery);

      assert.deepEqual(payloads(await drain(made, 3)), ["6001", "6002", "6003"]);
      assert.deepEqual(
        { size: made.size, ...made.losses },
        { size: 0, dropped: 3, expired: 0, unreadable: 0, quarantined: 0 },
      );
    });

    it("counts no event that it dropped while that was written, when reading fails", async () => {
      const first = outbox();
      for (const n of numbers(1, 3)) first.add(event(n));
      await close(first);
      const store = new EventStore(folder, who);
      store.read = () => Promise.reject(new Error("input/output error"));
      const { reading, writing, proceed } = slow(store);
      const made = outbox({ store }, { limit: 5, full: "drop-oldest" });
      await reading;
      for (const n of [4, 5]) made.add(event(n));
      await writing;
      // Drops the three that are on disk, and the first of those on their way there.
      for (const n of numbers(6, 9)) made.add(event(n));
      const warning = warned(made);
      proceed();
      await warning;

      assert.deepEqual(
        { size: made.size, ...made.losses },
        { size: 5, dropped: 4, expired: 0, unreadable: 0, quarantined: 0 },
      );
      assert.deepEqual(payloads(await drain(made, 5)), ["5", "6", "7", "8", "9"]);
      assert.equal(made.size, 0);
    });

    it("tells who waits for what is on disk if that does not open after a deploy", async () => {
      const told: (string | undefined)[] = [];
      const first = outbox();
      first.add(event(1, (error) => told.push(error?.code)));
      await ready(first);
      const handover = await close(first);
      await rm(folder, { recursive: true });
      await writeFile(folder, "a file where the folder should be");

      const made = outbox({ handover });
      await warned(made);

      assert.deepEqual(told, ["OUTBOX_UNUSABLE"]);
      assert.equal(made.size, 0);
    });

    it("tells who waits for what was damaged, and nobody else", async () => {
      const told: (string | undefined)[] = [];
      const first = outbox();
      first.add(event(1, (error) => told.push(error?.code)));
      await ready(first);
      const handover = await close(first);
      await damage(folder, /./);

      const made = outbox({ handover });
      await warned(made);
      made.add(event(2));
      await drain(made, 1);

      assert.deepEqual(told, ["OUTBOX_MISSING"]);
    });

    it("hands over what waits although the disk does not close", async () => {
      const store = new EventStore(folder, who);
      const { close: closeStore } = store;
      store.close = async () => {
        await closeStore.call(store);
        throw new Error("input/output error");
      };
      const made = outbox({ store });
      made.add(event(1));
      await ready(made);

      const { callbacks: awaited } = await close(made);

      assert.equal(awaited.size, 1);
    });

    it("does not write again what is written, although what has left cannot be deleted", async () => {
      const { clear } = ClassicLevel.prototype;
      let calls = 0;
      ClassicLevel.prototype.clear = () => {
        calls += 1;
        return Promise.reject(new Error("input/output error"));
      };
      try {
        const made = outbox();
        for (let n = 1; n <= 3_000; n += 1) made.add(event(n));
        const warnings: M1Error[] = [];
        made.onWarning = (warning) => warnings.push(warning);
        await drain(made, 3_000);
        await close(made);

        assert.notEqual(calls, 0);
        assert.deepEqual(warnings, []);
      } finally {
        ClassicLevel.prototype.clear = clear;
      }
    });
  });
});

/** From now on its writes and readings wait until `proceed`; the promises tell that the first has come. */
function slow(store: EventStore) {
  const { write, read } = store;
  let proceed: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  const writing = new Promise<void>((begun) => {
    store.write = async (...changes) => {
      begun();
      await gate;
      return write.apply(store, changes);
    };
  });
  const reading = new Promise<void>((begun) => {
    store.read = async (...range) => {
      begun();
      await gate;
      return read.apply(store, range);
    };
  });
  return { writing, reading, proceed };
}

/** Replaces what the store wrote under each key with these first letters, by something without a checksum. */
async function rewrite(
  folder: string,
  keys: string,
  change: (text: string, index: number) => string,
): Promise<void> {
  const db = new ClassicLevel(folder);
  const entries = await db.iterator({ gte: keys, lt: `${keys}~` }).all();
  for (const [index, [key, text]] of entries.entries())
    await db.put(key, change(unseal(key, text), index));
  await db.close();
}

async function settledText(folder: string): Promise<string | undefined> {
  const db = new ClassicLevel(folder);
  const text = await db.get("settled/p/u");
  await db.close();
  return text && unseal("settled/p/u", text);
}

function charactersOf(events: readonly { readonly payload: string }[]): number {
  return events.reduce((sum, { payload }) => sum + payload.length, 0);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** By default what LevelDB needs to open it. */
async function damage(folder: string, names = /^(MANIFEST|CURRENT)/): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!names.test(name)) continue;
    const file = path.join(folder, name);
    await writeFile(file, Buffer.alloc((await stat(file)).size, "rubbish"));
  }
}

function event(n: number, done: OutgoingEvent["done"] = () => undefined): OutgoingEvent {
  return { topic: "0/p/u/d", payload: String(n), qos: 1, done };
}

function ready(outbox: Outbox): Promise<void> {
  return new Promise((resolve) => {
    outbox.onReady = resolve;
  });
}

function warned(outbox: Outbox): Promise<M1Error> {
  return new Promise((resolve) => {
    outbox.onWarning = resolve;
  });
}

function accepts(outbox: Outbox, event: OutgoingEvent): boolean {
  try {
    outbox.add(event);
    return true;
  } catch {
    return false;
  }
}

/** Sends and acknowledges what is ready, at most so many. */
function take(outbox: Outbox, most: number): OutgoingEvent[] {
  const events: OutgoingEvent[] = [];
  while (events.length < most) {
    const delivery = outbox.next();
    if (!delivery) break;
    // An event that has left lets go of what it held.
    events.push({ ...delivery });
    outbox.acknowledge(delivery);
  }
  return events;
}

/** Sends so many, and acknowledges none. */
async function given(outbox: Outbox, count: number): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  while (deliveries.length < count) {
    const next = outbox.next();
    if (next) deliveries.push(next);
    else await ready(outbox);
  }
  return deliveries;
}

async function drain(outbox: Outbox, count: number): Promise<OutgoingEvent[]> {
  const events = take(outbox, count);
  while (events.length < count) {
    await ready(outbox);
    events.push(...take(outbox, count - events.length));
  }
  return events;
}

function payloads(events: readonly OutgoingEvent[]): string[] {
  return events.map(({ payload }) => payload);
}

function nextTurn(): Promise<void> {
  return new Promise(setImmediate);
}

/** Until the disk has caught up with what was added. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await nextTurn();
}

/** Leaves half of each file whose name matches. */
async function cutShort(folder: string, name: RegExp): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!name.test(file)) continue;
    const whole = path.join(folder, file);
    await truncate(whole, Math.floor((await stat(whole)).size / 2));
  }
}
