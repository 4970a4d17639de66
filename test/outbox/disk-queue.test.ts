// A queue on disk is one queue, wherever its events lie at the moment: in memory, on disk, or on their way there.
import assert from "node:assert/strict";
import { rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { systemClock } from "../../nodes/outbox/clock";
import { DiskQueue, type DiskQueueOptions, type QueueOwner } from "../../nodes/outbox/disk-queue";
import { type Done, type QueuedEvent, queuedEvent } from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { refusedEntry } from "../../nodes/outbox/quarantine-entry";
import { M1Error } from "../../nodes/protocol/errors";
import { failWrites, restoreWrites } from "../support/disk-writing";
import { temporaryFolder } from "../support/processes";
import { quarantinedIn } from "../support/quarantined";

/** As many events as it keeps in memory. */
const HEAD = 4_000;

interface Made {
  readonly queue: DiskQueue;
  readonly store: EventStore;
  /** What its owner was told but for `ready`: `counted 3`, `warning OUTBOX_UNUSABLE`, `lost`. */
  readonly told: string[];
  /** Resolves when the owner is told so next. */
  next(word: string): Promise<void>;
}

describe("queue on disk", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;
  let opened: DiskQueue[];

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    removeFolder = temporary.remove;
    folder = path.join(temporary.folder, "c1");
    opened = [];
  });

  afterEach(async () => {
    for (const queue of opened) await queue.close();
    await removeFolder();
  });

  function make(options: Partial<DiskQueueOptions> = {}): Made {
    const store = new EventStore(folder, { projectMqtt: "p", userMqtt: "u" });
    const told: string[] = [];
    const awaited = new Map<string, () => void>();
    const tell = (word: string, ...more: (string | number)[]) => {
      if (word !== "ready") told.push([word, ...more].join(" "));
      awaited.get(word)?.();
    };
    const owner: QueueOwner = {
      ready: () => tell("ready"),
      accepted: () => undefined,
      counted: (restored) => tell("counted", restored),
      warning: ({ code }) => tell("warning", code),
      resumed: () => tell("resumed"),
      lost: (count) => tell("lost", count),
    };
    const queue = new DiskQueue(
      store,
      {
        storesNew: true,
        callbacks: new Map(),
        clock: systemClock,
        limit: Number.POSITIVE_INFINITY,
        ...options,
      },
      owner,
    );
    opened.push(queue);
    const next = (word: string) => new Promise<void>((resolve) => awaited.set(word, resolve));
    return { queue, store, told, next };
  }

  /** An earlier process leaves these on disk. */
  async function left(from: number, to: number): Promise<void> {
    const { queue } = make();
    for (const n of numbers(from, to)) queue.push(event(n));
    await queue.close();
  }

  /** What is written meanwhile fails, whoever writes it. */
  async function withDiskFailing(action: () => Promise<void>): Promise<void> {
    failWrites();
    try {
      await action();
    } finally {
      restoreWrites();
    }
  }

  async function onDisk(): Promise<number> {
    const store = new EventStore(folder, { projectMqtt: "p", userMqtt: "u" });
    await store.open();
    const count = store.count;
    await store.close();
    return count;
  }

  it("tells its owner how many are on disk, also if there are none", async () => {
    const empty = make();
    empty.queue.push(event(1));
    await empty.next("ready");
    await empty.queue.close();

    const one = make();
    await one.next("counted");

    assert.deepEqual([empty.told, one.told], [["counted 0"], ["counted 1"]]);
  });

  it("counts each event once, on its way, on disk, in memory and in flight", async () => {
    const { queue, next } = make();
    const lengths: number[] = [];
    const note = () => lengths.push(queue.length);
    for (const n of numbers(1, HEAD + 500)) queue.push(event(n));
    note();
    await next("ready");
    note();
    await next("ready");
    note();
    while (queue.next()) note();

    assert.equal(lengths.length, 3 + HEAD);
    assert.deepEqual(new Set(lengths), new Set([HEAD + 500]));
  });

  it("drops in order what waits in memory, then on disk, then on its way, and nothing in flight", async () => {
    const { queue, next } = make();
    const dropped: number[] = [];
    const total = HEAD + 500;
    for (const n of numbers(1, total)) queue.push(event(n, () => dropped.push(n)));
    await next("ready");
    await next("ready");
    queue.push(event(total + 1, () => dropped.push(total + 1)));
    const inFlight = [queue.next(), queue.next()];

    for (let done = queue.dropOldest(); done; done = queue.dropOldest()) done();

    assert.deepEqual(dropped, numbers(3, total + 1));
    assert.equal(queue.length, 2);
    assert.deepEqual(inFlight.map(name), ["1", "2"]);
  });

  it("drops what is new while it is not known yet what is on disk", async () => {
    await left(1, 2);
    const { queue, next } = make();
    const done = callback();
    queue.push(event(3, done));

    assert.equal(queue.dropOldest(), done);
    assert.equal(queue.dropOldest(), undefined);

    await next("counted");
    await next("ready");
    assert.deepEqual([queue.next(), queue.next(), queue.next()].map(name), ["1", "2", undefined]);
  });

  it("gives the newest back, but none of the first that are to be kept", async () => {
    await left(1, 2);
    const { queue, next } = make();
    for (const n of numbers(3, 8)) queue.push(event(n));

    const taken = queue.takeNewest(5, 4);

    assert.deepEqual(taken.map(name), ["7", "8"]);
    assert.deepEqual(queue.takeNewest(5, 4), []);
    await next("counted");
    assert.equal(queue.length, 6);
  });

  it("keeps what is put into quarantine in the order in which it was", async () => {
    const { queue, next } = make();
    for (const n of numbers(1, 20)) queue.push(event(n));
    await next("ready");
    const events = numbers(1, 20).map(() => queue.next() as QueuedEvent);

    for (const each of events.reverse()) queue.setAside(each, refusal(each.payload));
    assert.equal(queue.length, 0);
    await queue.close();

    assert.deepEqual(
      (await quarantinedIn(folder)).map(({ details }) => details.reason),
      numbers(1, 20).reverse().map(String),
    );
    assert.equal(await onDisk(), 0);
  });

  it("keeps what it put into quarantine whole, although its content is let go at once", async () => {
    const { queue, next } = make();
    queue.push(event(1));
    await next("ready");
    const only = queue.next() as QueuedEvent;

    queue.setAside(only, refusal("too pink"));
    only.payload = "";
    await queue.close();

    assert.equal((await quarantinedIn(folder))[0]?.event?.payload, "1");
  });

  it("leaves on disk what cannot be put into quarantine, says so once, and goes on in memory", async () => {
    const { queue, store, next, told } = make();
    for (const n of numbers(1, 3)) queue.push(event(n));
    await next("ready");
    const events = numbers(1, 3).map(() => queue.next() as QueuedEvent);
    const warned = next("warning");
    store.setAside = () => Promise.reject(new Error("no space left on device"));

    for (const each of events.slice(0, 2)) queue.setAside(each, refusal("too pink"));
    await warned;
    queue.push(event(4));

    assert.equal(name(queue.next()), "4");
    const { events: handedOver } = await queue.close();
    assert.deepEqual(handedOver.map(name), ["4"]);
    assert.deepEqual(told, ["counted 0", "warning OUTBOX_UNUSABLE"]);
    assert.equal(await onDisk(), 3);
  });

  it("keeps in memory what should go into quarantine and never was on disk, and hands it over", async () => {
    const { queue, next, store } = make();
    store.write = () => Promise.reject(new Error("no space left on device"));
    queue.push(event(1));
    await next("warning");
    await next("ready");
    const only = queue.next() as QueuedEvent;

    queue.setAside(only, refusal("too pink"));
    assert.equal(queue.quarantine.count, 1);
    const { events, quarantined } = await queue.close();

    assert.equal(queue.length, 0);
    assert.deepEqual(events, []);
    const successor = make({ quarantined }).queue;
    const [entry] = await successor.quarantine.read(Number.MAX_SAFE_INTEGER, 1);
    assert.deepEqual([entry?.code, entry?.event?.payload], ["EVENT_REFUSED", "1"]);
  });

  it("has in quarantine what a disk would not take, on disk once that takes it again", async () => {
    const { queue, next } = make({ retry: 20 });
    queue.push(event(1));
    await next("ready");
    const only = queue.next() as QueuedEvent;
    const [warned, resumed] = [next("warning"), next("resumed")];
    await withDiskFailing(async () => {
      queue.setAside(only, refusal("too pink"));
      await warned;
      assert.equal(queue.quarantine.count, 1);
    });
    await resumed;
    assert.equal(queue.quarantine.count, 1);
    await queue.close();
    assert.deepEqual([await onDisk(), (await quarantinedIn(folder)).length], [0, 1]);
  });

  it("keeps in the queue on disk what that would not take, until it is in quarantine there", async () => {
    const { queue, store, next } = make();
    for (const n of numbers(1, 2)) queue.push(event(n));
    await next("ready");
    const [one, two] = numbers(1, 2).map(() => queue.next() as QueuedEvent);
    const warned = next("warning");
    await withDiskFailing(async () => {
      queue.setAside(one as QueuedEvent, refusal("too pink"));
      await warned;
    });
    queue.remove(two as QueuedEvent);
    await store.write();
    const { quarantined } = await queue.close();
    assert.deepEqual([await onDisk(), (await quarantinedIn(folder)).length], [1, 0]);

    const successor = make({ quarantined });
    await successor.next("counted");
    await successor.queue.close();
    assert.deepEqual(successor.told, ["counted 0"]);
    assert.deepEqual([await onDisk(), (await quarantinedIn(folder)).length], [0, 1]);
  });

  it("lets go of that on disk, too, when a person does", async () => {
    const { queue, next } = make();
    queue.push(event(1));
    await next("ready");
    const only = queue.next() as QueuedEvent;
    const warned = next("warning");
    await withDiskFailing(async () => {
      queue.setAside(only, refusal("too pink"));
      await warned;
    });
    assert.equal(await queue.quarantine.remove({}), 1);
    await queue.close();
    assert.deepEqual([await onDisk(), (await quarantinedIn(folder)).length], [0, 0]);
  });

  it("takes from quarantine what a disk does not let go, once and for all", async () => {
    const { queue, next } = make({ retry: 20 });
    for (const n of numbers(1, 2)) queue.push(event(n));
    await next("ready");
    for (const _ of numbers(1, 2)) {
      queue.setAside(queue.next() as QueuedEvent, refusal("too pink"));
    }
    while (queue.quarantine.count < 2) await new Promise(setImmediate);
    const [younger] = await queue.quarantine.read(Number.MAX_SAFE_INTEGER, 1);
    const resumed = next("resumed");
    await withDiskFailing(async () => {
      const removing = queue.quarantine.remove({ ids: [younger?.id ?? 0] });
      await assert.rejects(removing, { code: "OUTBOX_UNUSABLE" });
    });
    const there = async () => (await queue.quarantine.read(Number.MAX_SAFE_INTEGER, 9)).length;
    assert.deepEqual([queue.quarantine.count, await there()], [1, 1]);
    await resumed;
    assert.deepEqual([queue.quarantine.count, await there()], [1, 1]);
    await queue.close();
    assert.equal((await quarantinedIn(folder)).length, 1);
  });

  it("puts on disk what a predecessor had in quarantine in memory", async () => {
    const { queue } = make();
    queue.quarantine.keep(refusedEntry(event(1), refusal("too pink")));
    const { quarantined } = await queue.close();
    await left(2, 2);
    const successor = make({ quarantined }).queue;
    await successor.close();
    assert.equal((await quarantinedIn(folder)).length, 1);
    assert.equal(successor.quarantine.inMemory.length, 0);
  });

  it("hands over who waits for what is on disk, also if it is closed while it opens", async () => {
    await left(1, 2);
    const done = callback();
    const { queue, told } = make({ callbacks: new Map([[2, done]]) });

    const { events, callbacks } = await queue.close();

    assert.deepEqual(events, []);
    assert.deepEqual([...callbacks], [[2, done]]);
    assert.deepEqual(told, ["counted 1"]);
    assert.equal(await onDisk(), 2);
  });

  it("hands over events that are not on disk as events, and those on disk as callbacks", async () => {
    const { queue, store, next } = make();
    const [onDiskToo, sent] = [callback(), callback()];
    queue.push(event(1, sent));
    queue.push(event(2, onDiskToo));
    await next("ready");
    queue.next();
    store.write = () => Promise.reject(new Error("no space left on device"));
    queue.push(event(3));
    await next("warning");

    const { events, callbacks } = await queue.close();

    assert.deepEqual(events.map(name), ["3"]);
    assert.deepEqual(
      [...callbacks],
      [
        [1, sent],
        [2, onDiskToo],
      ],
    );
  });

  it("stores what comes once the disk takes it again, behind what is only in memory", async () => {
    const { queue, store, told, next } = make({ retry: 20 });
    const { write } = store;
    queue.push(event(1));
    await next("ready");
    store.write = () => Promise.reject(new Error("no space left on device"));
    queue.push(event(2));
    await next("warning");
    store.write = write;
    await next("resumed");
    queue.push(event(3));
    await next("ready");

    const given = [queue.next(), queue.next(), queue.next()].map((each) => each && name(each));

    assert.deepEqual(given, ["1", "2", "3"]);
    assert.deepEqual(told, ["counted 0", "warning OUTBOX_UNUSABLE", "resumed"]);
    await queue.close();
    assert.equal(await onDisk(), 2);
  });

  it("goes on in a new folder when its own is gone, and tells that", async () => {
    const { queue, store, told, next } = make({ retry: 20 });
    queue.push(event(1));
    await next("ready");
    await rm(folder, { recursive: true });
    await store.commit();
    await next("resumed");
    queue.push(event(2));
    await next("ready");

    const given = [queue.next(), queue.next()].map((each) => each && name(each));

    assert.deepEqual(given, ["1", "2"]);
    assert.deepEqual(told, ["counted 0", "warning OUTBOX_UNUSABLE", "resumed"]);
    await queue.close();
    assert.equal(await onDisk(), 1);
  });

  it("says when the disk has less room than the outbox may need, before it is full", async () => {
    for (const { free, told: expected } of [
      { free: 99_999_999, told: ["warning OUTBOX_LITTLE_ROOM", "counted 0"] },
      { free: 100_000_000, told: ["counted 0"] },
    ]) {
      const { queue, store, told, next } = make({ limit: 100_000_000 });
      store.freeBytes = () => Promise.resolve(free);
      queue.push(event(1));
      await next("ready");

      assert.deepEqual(told, expected);
      queue.remove(queue.next() as QueuedEvent);
      await queue.close();
    }
  });

  it("knows the room that the disk has", async () => {
    const { queue, store, next } = make();
    assert.equal(await store.freeBytes(), Number.POSITIVE_INFINITY);
    queue.push(event(1));
    await next("ready");

    const { bavail, bsize } = await statfs(folder);
    const free = await store.freeBytes();

    // Others write to this disk, too.
    assert.ok(Math.abs(free - bavail * bsize) < 1_000_000_000, `${free}`);
  });

  it("warns once where the disk makes sure of nothing, and stores all the same", async () => {
    const { queue, store, told, next } = make();
    queue.push(event(1));
    await next("ready");

    for (const code of ["EINVAL", "EIO"]) {
      store.onSyncFailed(Object.assign(new Error(`${code}: fdatasync`), { code }));
    }

    assert.deepEqual(told, ["counted 0", "warning OUTBOX_NOT_SYNCED"]);
    await queue.close();
    assert.equal(await onDisk(), 1);
  });

  it("says once that the disk cannot be used, also if it is only to be emptied", async () => {
    await writeFile(folder, "");
    const { queue, told, next } = make({ storesNew: false });
    queue.push(event(1));
    await next("ready");
    await queue.close();

    assert.deepEqual(told, ["warning OUTBOX_UNUSABLE", "lost 0", "counted 0"]);
  });

  it("only empties the disk if it is told to store nothing new", async () => {
    await left(1, 2);
    const { queue, next } = make({ storesNew: false });
    queue.push(event(3));
    await next("counted");
    await next("ready");

    const given = numbers(1, 3).map(() => queue.next() as QueuedEvent);
    assert.deepEqual(given.map(name), ["1", "2", "3"]);
    for (const each of given.slice(0, 2)) queue.remove(each);
    const { events } = await queue.close();

    assert.deepEqual(events.map(name), ["3"]);
    assert.equal(await onDisk(), 0);
  });
});

function event(n: number, done = callback()): QueuedEvent {
  return queuedEvent({ topic: "0/p/u/d", payload: String(n), qos: 1, done }, 1_000 + n);
}

/** Each is another one. */
function callback(): Done {
  return () => undefined;
}

function name(event: { readonly payload: string } | undefined): string | undefined {
  return event?.payload;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function refusal(reason: string): M1Error {
  return new M1Error("EVENT_REFUSED", { reason });
}
