// The events that are on disk only keep their order, their count and their callbacks, whatever leaves them while they are read.
import assert from "node:assert/strict";
import path from "node:path";
import { ClassicLevel } from "classic-level";
import {
  type Done,
  type FoundEvent,
  noCallback,
  type QueuedEvent,
  queuedEvent,
  type StoredEvent,
} from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { UnreadEvents } from "../../nodes/outbox/unread-events";
import { temporaryFolder } from "../support/processes";

/** So many that no reading in these tests comes to an end before the disk does. */
const ALL = 1_000_000;

describe("unread events", () => {
  let store: EventStore;
  let removeFolder: () => Promise<void>;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    removeFolder = temporary.remove;
    store = new EventStore(path.join(temporary.folder, "c1"), { projectMqtt: "p", userMqtt: "u" });
    await store.open();
  });

  afterEach(async () => {
    await store.close();
    await removeFolder();
  });

  /** In one block. */
  function write(from: number, to: number): Promise<void> {
    return store.write({ add: numbers(from, to).map(stored) });
  }

  function leave(...sequences: number[]): Promise<void> {
    for (const sequence of sequences) store.remove(sequence);
    return store.write();
  }

  /** Those that an earlier process left on disk. */
  async function found(callbacks: ReadonlyMap<number, Done> = new Map()): Promise<UnreadEvents> {
    const unread = new UnreadEvents(store, callbacks);
    unread.found(store.newest, store.count, store.bytes);
    return unread;
  }

  async function readAll(unread: UnreadEvents): Promise<readonly FoundEvent[]> {
    return unread.read(ALL, ALL);
  }

  it("are none before any was found", () => {
    const unread = new UnreadEvents(store, new Map());

    const { length, isEmpty, newest } = unread;
    assert.deepEqual({ length, isEmpty, newest }, { length: 0, isEmpty: true, newest: 0 });
    assert.equal(unread.dropOldest(), undefined);
  });

  it("are none where nothing is on disk", async () => {
    const { length, isEmpty, newest } = await found();

    assert.deepEqual({ length, isEmpty, newest }, { length: 0, isEmpty: true, newest: 0 });
  });

  it("are none where all have left, and the next number is known all the same", async () => {
    await write(1, 5);
    await leave(1, 2, 3, 4, 5);

    const { length, isEmpty, newest } = await found();

    assert.deepEqual({ length, isEmpty, newest }, { length: 0, isEmpty: true, newest: 5 });
  });

  describe("found on disk", () => {
    it("are read and taken in order, with all they held, and nobody waits for them", async () => {
      await write(1, 3);
      const unread = await found();
      assert.deepEqual([unread.length, unread.isEmpty, unread.newest], [3, false, 3]);

      const events = await readAll(unread);
      assert.equal(unread.length, 3, "they stay until they are taken");
      const taken = events.map((each) => unread.take(each));

      assert.deepEqual(
        taken,
        numbers(1, 3).map((n) => queued(n, noCallback)),
      );
      assert.deepEqual([unread.length, unread.isEmpty], [0, true]);
    });

    it("are passed over where they have left, at the start, in between and at the end", async () => {
      await write(1, 10);
      await leave(1, 2, 5, 6, 9, 10);
      const unread = await found();
      assert.equal(unread.length, 4);

      const taken: (number | undefined)[] = [];
      for (const each of await readAll(unread)) {
        assert.equal(unread.isEmpty, false);
        taken.push(unread.take(each)?.sequence);
      }

      assert.deepEqual(taken, [3, 4, 7, 8]);
      assert.deepEqual([unread.length, unread.isEmpty, unread.newest], [0, true, 10]);
    });

    it("end a callback that was handed over, and only that", async () => {
      await write(1, 3);
      const done = callback();
      const unread = await found(new Map([[2, done]]));

      const taken = (await readAll(unread)).map((each) => unread.take(each)?.done);

      assert.deepEqual(taken, [noCallback, done, noCallback]);
      assert.equal(unread.callbacks.size, 0);
    });

    it("leave the map of callbacks that was handed over as it is", async () => {
      await write(1, 1);
      const handedOver = new Map([[1, callback()]]);
      const unread = await found(handedOver);

      unread.takeCallbacks();

      assert.equal(handedOver.size, 1);
    });
  });

  describe("read", () => {
    beforeEach(async () => {
      for (const first of [1, 11, 21]) await write(first, first + 9);
    });

    it("are about as many as asked for, and go on where those taken end", async () => {
      const unread = await found();

      const first = await unread.read(5, ALL);
      for (const each of first) unread.take(each);
      const second = await unread.read(11, ALL);
      for (const each of second) unread.take(each);

      assert.deepEqual(sequences(first), numbers(1, 10));
      assert.deepEqual(sequences(second), numbers(11, 30));
      assert.deepEqual([unread.length, unread.isEmpty], [0, true]);
    });

    it("are fewer if they have about so many characters", async () => {
      const unread = await found();

      assert.deepEqual(sequences(await unread.read(ALL, 1)), numbers(1, 10));
    });

    it("are the same again as long as they are not taken", async () => {
      const unread = await found();
      const first = await unread.read(5, ALL);

      for (const each of first.slice(0, 4)) unread.take(each);

      assert.deepEqual(sequences(await unread.read(5, ALL)), numbers(5, 10));
    });

    it("are none that was written meanwhile and not yet reported", async () => {
      const unread = await found();
      await write(31, 32);

      const before = await readAll(unread);
      for (const each of before) unread.take(each);
      assert.deepEqual(sequences(before), numbers(1, 30));
      assert.equal(unread.isEmpty, true);
      for (const n of [31, 32]) unread.push(queued(n));

      assert.deepEqual(sequences(await readAll(unread)), [31, 32]);
    });

    it("are none that was reported after the reading had begun", async () => {
      const unread = await found();
      await write(31, 31);

      const reading = readAll(unread);
      unread.push(queued(31));

      assert.deepEqual(sequences(await reading), numbers(1, 30));
      assert.deepEqual([unread.length, unread.newest], [31, 31]);
    });

    it("are not taken if they were dropped meanwhile", async () => {
      const unread = await found();
      const reading = readAll(unread);
      for (const _ of numbers(1, 12)) unread.dropOldest();

      const taken = (await reading).map((each) => unread.take(each)?.sequence);

      assert.deepEqual(
        taken,
        numbers(1, 30).map((n) => (n <= 12 ? undefined : n)),
      );
      assert.deepEqual([unread.length, unread.isEmpty], [0, true]);
    });

    it("are not taken twice", async () => {
      const unread = await found();
      const [first] = await readAll(unread);
      assert.ok(first);

      assert.equal(unread.take(first)?.sequence, 1);
      assert.equal(unread.take(first), undefined);

      assert.equal(unread.length, 29);
    });

    it("are not taken once given up", async () => {
      const unread = await found();
      const events = await readAll(unread);

      unread.giveUp();

      assert.deepEqual(
        events.filter((each) => unread.take(each)),
        [],
      );
      assert.equal(unread.length, 0);
    });

    it("are passed over if the disk has none of them any more", async () => {
      const unread = await found();
      await leave(...numbers(1, 30));

      assert.deepEqual(await readAll(unread), []);

      assert.equal(unread.isEmpty, true);
    });

    it("are passed over with none that came meanwhile", async () => {
      const unread = await found();
      await leave(...numbers(1, 30));
      await write(31, 31);

      const reading = readAll(unread);
      unread.push(queued(31));

      assert.deepEqual(await reading, []);
      assert.equal(unread.isEmpty, false);
      assert.deepEqual(sequences(await readAll(unread)), [31]);
    });

    it("are all taken with a callback even if nothing can be made of them, and without the fault", async () => {
      const done = callback();
      const unread = await found(new Map([[2, done]]));
      await store.close();
      const db = new ClassicLevel(store.folder);
      const [[key, text = ""] = [""]] = await db.iterator({ gte: "events/", limit: 1 }).all();
      const [from, to] = [text.indexOf(" ") + 1, text.indexOf("payload 1") + 9];
      await db.put(key, `${text.slice(from, to)}rubbish`);
      await db.close();
      await store.open();

      const events = await unread.read(10, ALL);
      assert.equal(events[1]?.fault?.code, "OUTBOX_UNREADABLE");
      const taken = events.map((each) => unread.take(each));

      assert.deepEqual(
        taken.map((each) => each?.sequence),
        numbers(1, 20),
      );
      assert.deepEqual(taken[1], {
        sequence: 2,
        acceptedAt: 0,
        era: 0,
        isStamped: false,
        topic: "",
        payload: "",
        qos: 0,
        size: 0,
        done,
        isDoneWhenStored: false,
        removed: false,
      });
      assert.equal(unread.length, 10);
    });

    it("reject if the disk does, and are all there then", async () => {
      const unread = await found();
      await store.close();

      await assert.rejects(readAll(unread), TypeError);

      await store.open();
      assert.deepEqual(sequences(await readAll(unread)), numbers(1, 30));
    });
  });

  describe("written by this process", () => {
    it("are counted and read behind those found, with the callbacks of those who wait", async () => {
      await write(1, 2);
      const unread = await found();
      await write(3, 4);
      const [three, four] = [queued(3), queued(4)];

      unread.push(three);
      unread.push(four);

      assert.deepEqual([unread.length, unread.newest], [4, 4]);
      assert.deepEqual(
        [...unread.callbacks],
        [
          [3, three.done],
          [4, four.done],
        ],
      );
      const taken = (await readAll(unread)).map((each) => unread.take(each));
      assert.deepEqual(taken, [queued(1, noCallback), queued(2, noCallback), three, four]);
      assert.equal(unread.callbacks.size, 0);
    });

    it("are not to be read if they stayed in memory", async () => {
      const unread = await found();
      await write(1, 3);

      unread.skip(queued(1));
      unread.skip(queued(2));
      assert.deepEqual([unread.length, unread.isEmpty, unread.newest], [0, true, 2]);
      unread.push(queued(3));

      assert.deepEqual([unread.length, unread.isEmpty], [1, false]);
      assert.deepEqual(sequences(await readAll(unread)), [3]);
    });

    it("make one end to what has left behind the last of those that were found", async () => {
      await write(1, 3);
      await leave(3);
      const unread = await found();
      await write(4, 4);
      unread.push(queued(4));

      const taken = (await readAll(unread)).map((each) => unread.take(each)?.sequence);

      assert.deepEqual(taken, [1, 2, 4]);
      assert.equal(unread.isEmpty, true);
    });
  });

  describe("dropped", () => {
    it("leave oldest first, without being read, with their numbers and callbacks, each once", async () => {
      await write(1, 4);
      const done = callback();
      const unread = await found(new Map([[2, done]]));

      const dropped = numbers(1, 5).map(() => unread.dropOldest());

      assert.deepEqual(dropped, [
        { sequence: 1, done: noCallback },
        { sequence: 2, done },
        { sequence: 3, done: noCallback },
        { sequence: 4, done: noCallback },
        undefined,
      ]);
      assert.deepEqual([unread.length, unread.isEmpty], [0, true]);
      assert.equal(unread.callbacks.size, 0);
    });

    it("are none of those that have left", async () => {
      await write(1, 8);
      await leave(1, 3, 4, 6, 8);
      const unread = await found();

      const dropped = numbers(1, 4).map(() => unread.dropOldest()?.sequence);

      assert.deepEqual(dropped, [2, 5, 7, undefined]);
      assert.deepEqual([unread.length, unread.isEmpty], [0, true]);
    });

    it("are not read any more, whether the disk knows of it or not", async () => {
      await write(1, 4);
      const unread = await found();

      unread.dropOldest();
      assert.deepEqual(sequences(await readAll(unread)), [2, 3, 4]);
      unread.dropOldest();
      await leave(1, 2);

      assert.deepEqual(sequences(await readAll(unread)), [3, 4]);
      assert.equal(unread.length, 2);
    });
  });

  describe("given up", () => {
    it("count no longer, and stay on disk for the next start", async () => {
      await write(1, 3);
      const unread = await found();

      unread.giveUp();

      const { length, isEmpty, newest } = unread;
      assert.deepEqual({ length, isEmpty, newest }, { length: 0, isEmpty: true, newest: 3 });
      assert.equal(unread.dropOldest(), undefined);
      assert.equal(store.count, 3);
      assert.equal((await found()).length, 3);
    });

    it("do not keep what comes later from being read", async () => {
      await write(1, 3);
      const unread = await found();
      unread.giveUp();
      await write(4, 4);

      unread.push(queued(4));

      assert.deepEqual([unread.length, unread.isEmpty], [1, false]);
      assert.deepEqual(sequences(await readAll(unread)), [4]);
    });
  });

  it("give the callbacks of all who wait once, and none with the events afterwards", async () => {
    await write(1, 2);
    const handedOver = callback();
    const unread = await found(new Map([[2, handedOver]]));
    await write(3, 3);
    const three = queued(3);
    unread.push(three);

    assert.deepEqual(unread.takeCallbacks(), [handedOver, three.done]);

    assert.deepEqual(unread.takeCallbacks(), []);
    assert.equal(unread.callbacks.size, 0);
    const taken = (await readAll(unread)).map((each) => unread.take(each)?.done);
    assert.deepEqual(taken, [noCallback, noCallback, noCallback]);
  });
});

function stored(n: number): StoredEvent {
  return { sequence: n, acceptedAt: 1_000 + n, topic: "0/p/u/d", payload: `payload ${n}`, qos: 2 };
}

function queued(n: number, done = callback()): QueuedEvent {
  const { sequence, acceptedAt, ...content } = stored(n);
  return queuedEvent({ ...content, done }, acceptedAt, sequence);
}

/** Each is another one. */
function callback(): Done {
  return () => undefined;
}

function sequences(events: readonly FoundEvent[]): number[] {
  return events.map(({ sequence }) => sequence);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
