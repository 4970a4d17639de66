// The write buffer turns what comes one by one into batches, and loses, repeats and reorders nothing on the way.
import assert from "node:assert/strict";
import { type QueuedEvent, queuedEvent, type StoredEvent } from "../../nodes/outbox/event";
import { type Changes, EventStore } from "../../nodes/outbox/event-store";
import { type BatchOwner, WriteBuffer } from "../../nodes/outbox/write-buffer";

/** Takes what is written, touches no disk, and may be held up or fail. */
class Recorder extends EventStore {
  /** What each write had. */
  readonly writes: { readonly add: string[]; readonly remove: readonly number[] }[] = [];
  readonly added: StoredEvent[] = [];
  #removed: number[] = [];
  failure: Error | undefined;
  #gate: Promise<void> | undefined;
  #begun: () => void = () => undefined;

  constructor() {
    super("nowhere", { projectMqtt: "p", userMqtt: "u" });
  }

  /** The next write waits for `proceed`; `begun` resolves with it. */
  hold(): { readonly begun: Promise<void>; readonly proceed: () => void } {
    let proceed: () => void = () => undefined;
    this.#gate = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      this.#begun = resolve;
    });
    return { begun, proceed };
  }

  override remove(sequence: number): void {
    this.#removed.push(sequence);
  }

  override async write({ add = [] }: Changes): Promise<void> {
    const remove = this.#removed.splice(0);
    this.writes.push({ add: add.map(({ topic }) => topic), remove });
    const gate = this.#gate;
    this.#gate = undefined;
    this.#begun();
    await gate;
    // A write buffer that never ends is to fail a test, and not to hang it.
    if (this.writes.length > 100) await new Promise(() => undefined);
    if (this.failure) throw this.failure;
    this.added.push(...add);
  }
}

interface Scene {
  readonly store: Recorder;
  readonly buffer: WriteBuffer;
  /** What the owner was told, in order: `written a b`, `failed …`, `idle`. */
  readonly told: string[];
  /** What was reported as written, with the state it had then. */
  readonly written: QueuedEvent[];
  /** The owner's own. */
  newestOnDisk: number;
  openStore: () => Promise<void>;
  /** Resolves when it is told next that it is idle. */
  idle(): Promise<void>;
  add(...names: string[]): QueuedEvent[];
}

function scene({ acceptsEvents = true } = {}): Scene {
  const store = new Recorder();
  const told: string[] = [];
  const written: QueuedEvent[] = [];
  let idle: () => void = () => undefined;
  const owner: BatchOwner = {
    get newestOnDisk() {
      return made.newestOnDisk;
    },
    open: () => made.openStore(),
    written: (batch) => {
      told.push(["written", ...batch.map(({ topic }) => topic)].join(" "));
      written.push(...batch.map((each) => ({ ...each })));
      made.newestOnDisk += batch.length;
    },
    failed: (error) => told.push(`failed ${(error as Error).message}`),
    idle: () => {
      told.push("idle");
      idle();
    },
  };
  const buffer = new WriteBuffer(store, acceptsEvents, owner);
  const made: Scene = {
    store,
    buffer,
    told,
    written,
    newestOnDisk: 0,
    openStore: () => Promise.resolve(),
    idle: () =>
      new Promise((resolve) => {
        idle = resolve;
      }),
    add: (...names) => {
      const events = names.map((name) => event(name));
      for (const each of events) buffer.push(each);
      return events;
    },
  };
  return made;
}

function event(name: string, payload = `of ${name}`): QueuedEvent {
  const done = () => undefined;
  return queuedEvent({ topic: name, payload, qos: 1, done }, 1_000);
}

function names(events: readonly QueuedEvent[]): string[] {
  return events.map(({ topic }) => topic);
}

/** Goes on after all promises that are settled by now, and before the event loop goes on. */
async function sameTurn(): Promise<void> {
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe("write buffer", () => {
  it("writes what comes in one turn at once, in order, and what comes later in a batch of its own", async () => {
    const { buffer, store, told, add } = scene();

    add("a", "b");
    buffer.remove(7);
    await sameTurn();
    add("c");
    buffer.remove(5);
    await buffer.writing;
    add("d");
    await buffer.writing;

    assert.deepEqual(store.writes, [
      { add: ["a", "b", "c"], remove: [7, 5] },
      { add: ["d"], remove: [] },
    ]);
    assert.deepEqual(told, ["written a b c", "idle", "written d", "idle"]);
  });

  it("writes what comes during a write with the next, without being asked", async () => {
    const { buffer, store, told, add } = scene();
    const { begun, proceed } = store.hold();
    add("a");
    await begun;

    add("b");
    buffer.remove(3);
    add("c");
    proceed();
    await buffer.writing;

    assert.deepEqual(store.writes, [
      { add: ["a"], remove: [] },
      { add: ["b", "c"], remove: [3] },
    ]);
    assert.deepEqual(told, ["written a", "written b c", "idle"]);
  });

  it("numbers events from the newest on disk on, and gives them their numbers when they are there", async () => {
    const made = scene();
    made.newestOnDisk = 41;
    const { begun, proceed } = made.store.hold();
    const [a, b] = made.add("a", "b");
    await begun;
    assert.deepEqual([a?.sequence, b?.sequence], [0, 0]);
    const [c] = made.add("c");

    proceed();
    await made.buffer.writing;

    assert.deepEqual([a?.sequence, b?.sequence, c?.sequence], [42, 43, 44]);
    assert.deepEqual(
      made.store.added.map(({ topic, sequence }) => `${topic} ${sequence}`),
      ["a 42", "b 43", "c 44"],
    );
    assert.deepEqual(
      made.written.map(({ sequence }) => sequence),
      [42, 43, 44],
      "numbered before they are reported",
    );
  });

  it("asks for the newest on disk only once the store is open", async () => {
    const made = scene();
    let opened: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      made.openStore = () => {
        resolve();
        return new Promise<void>((open) => {
          opened = open;
        });
      };
    });
    made.add("a");
    await asked;
    assert.deepEqual(made.store.writes, []);
    made.add("b");
    made.newestOnDisk = 10;

    opened();
    await made.buffer.writing;

    assert.deepEqual(made.store.writes, [{ add: ["a", "b"], remove: [] }]);
    assert.equal(made.store.added[0]?.sequence, 11);
  });

  it("writes all that an event holds", async () => {
    const { buffer, store, add } = scene();

    add("a");
    await buffer.writing;

    assert.deepEqual(store.added, [
      { sequence: 1, acceptedAt: 1_000, topic: "a", payload: "of a", qos: 1 },
    ]);
  });

  it("lets removals wait for the next events", async () => {
    const { buffer, store, add } = scene();

    buffer.remove(7);
    buffer.remove(8);
    assert.equal(buffer.writing, undefined);
    add("a");
    await buffer.writing;

    assert.deepEqual(
      store.writes.map(({ add: events, remove }) => [events.length, remove]),
      [[1, [7, 8]]],
    );
  });

  it("writes removals alone where no events come for a while", async () => {
    const { buffer, store, told, idle } = scene();

    buffer.remove(7);
    await idle();

    assert.deepEqual(store.writes, [{ add: [], remove: [7] }]);
    assert.deepEqual(told, ["written", "idle"]);
  });

  it("writes removals without delay once there are twenty: a process that is killed repeats no more", async () => {
    const { buffer, store } = scene();

    for (let sequence = 1; sequence < 20; sequence += 1) buffer.remove(sequence);
    assert.equal(buffer.writing, undefined);
    buffer.remove(20);
    assert.notEqual(buffer.writing, undefined);
    await buffer.writing;

    for (let sequence = 21; sequence < 40; sequence += 1) buffer.remove(sequence);
    assert.equal(buffer.writing, undefined);
    buffer.remove(40);
    await buffer.writing;

    assert.deepEqual(
      store.writes.map(({ remove }) => remove.length),
      [20, 20],
    );
  });

  it("writes what is left when it is flushed, and nothing where nothing is", async () => {
    const { buffer, store } = scene();

    await buffer.flush();
    assert.deepEqual(store.writes, []);
    buffer.remove(7);
    await buffer.flush();

    assert.deepEqual(store.writes, [{ add: [], remove: [7] }]);
  });

  it("leaves no timer behind when it is flushed, whatever leaves meanwhile", async () => {
    const { buffer, store, add } = scene();
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const { begun, proceed } = store.hold();
    add("a");
    await begun;
    // Mocha's own among them.
    const before = timers();
    const flushed = buffer.flush();
    buffer.remove(1);
    proceed();
    await flushed;
    assert.equal(timers(), before);
  });

  it("has nothing under way when it is idle", async () => {
    const { buffer, store, told, add } = scene();
    assert.equal(buffer.writing, undefined);

    add("a");
    assert.notEqual(buffer.writing, undefined);
    await buffer.writing;
    assert.equal(buffer.writing, undefined);
    buffer.remove(1);
    await buffer.flush();
    assert.equal(buffer.writing, undefined);
    store.failure = new Error("disk full");
    add("b");
    await buffer.writing;

    assert.equal(buffer.writing, undefined, "after a failure, too");
    assert.deepEqual(told, ["written a", "idle", "written", "idle", "failed disk full", "idle"]);
  });

  it("writes four thousand events at once at the most, and the rest next", async () => {
    const { buffer, store, add } = scene();
    const all = numbers(1, 9_000).map(String);

    add(...all);
    await buffer.writing;

    assert.deepEqual(
      store.writes.map(({ add: { length } }) => length),
      [4_000, 4_000, 1_000],
    );
    assert.deepEqual(
      store.added.map(({ topic, sequence }) => [topic, sequence]),
      all.map((name) => [name, Number(name)]),
    );
  });

  it("writes four million bytes at once at the most, and one event", async () => {
    const { buffer, store } = scene();
    const lengths = [3_999_998, 1, 1, 4_000_000, 5_000_000, 1];

    for (const [index, length] of lengths.entries()) {
      buffer.push(event(String(index), "x".repeat(length)));
    }
    await buffer.writing;

    assert.deepEqual(
      store.writes.map(({ add }) => add),
      [["0", "1"], ["2", "3"], ["4"], ["5"]],
    );
  });

  describe("that drops the oldest", () => {
    it("drops what is being written before what waits, and returns each callback once", async () => {
      const { buffer, store, add } = scene();
      const { begun, proceed } = store.hold();
      const batch = add("a", "b");
      await begun;
      const waiting = add("c", "d");
      const callbacks = [...batch, ...waiting].map(({ done }) => done);

      const dropped = Array.from({ length: 5 }, () => buffer.dropOldest());

      assert.deepEqual(dropped, [...callbacks, undefined]);
      proceed();
      await buffer.writing;
      assert.equal(buffer.dropOldest(), undefined);
    });

    it("lets its content go", () => {
      const { buffer, add } = scene();
      const [a] = add("a");

      buffer.dropOldest();

      assert.deepEqual(
        { removed: a?.removed, payload: a?.payload },
        { removed: true, payload: "" },
      );
    });

    it("counts what it dropped no longer, at once and later", async () => {
      const { buffer, store, add } = scene();
      const { begun, proceed } = store.hold();
      add("a", "b", "c");
      assert.equal(buffer.length, 3);
      await begun;
      add("d");
      assert.equal(buffer.length, 4);

      buffer.dropOldest();
      assert.equal(buffer.length, 3);
      buffer.dropOldest();
      assert.equal(buffer.length, 2);

      const next = store.hold();
      proceed();
      await next.begun;
      assert.equal(buffer.length, 1, "those written are the owner's");
      next.proceed();
      await buffer.writing;
      assert.equal(buffer.length, 0);
    });

    it("reports what it dropped while that was written as removed, with the number it has on disk", async () => {
      const { buffer, store, written, add } = scene();
      const { begun, proceed } = store.hold();
      add("a", "b", "c");
      await begun;

      buffer.dropOldest();
      buffer.dropOldest();
      proceed();
      await buffer.writing;

      assert.deepEqual(
        written.map(({ topic, removed, sequence }) => ({ topic, removed, sequence })),
        [
          { topic: "a", removed: true, sequence: 1 },
          { topic: "b", removed: true, sequence: 2 },
          { topic: "c", removed: false, sequence: 3 },
        ],
      );
    });

    it("never writes what it dropped before its turn came", async () => {
      const { buffer, store, add } = scene();
      add("a", "b");

      buffer.dropOldest();
      await buffer.writing;

      assert.deepEqual(store.writes, [{ add: ["b"], remove: [] }]);
    });

    it("drops from the next batch what is first there", async () => {
      const { buffer, store, written, add } = scene();
      const first = store.hold();
      add("a", "b");
      await first.begun;
      add("c", "d");
      buffer.dropOldest();
      const second = store.hold();
      first.proceed();
      await second.begun;

      buffer.dropOldest();
      second.proceed();
      await buffer.writing;

      assert.deepEqual(
        written.filter(({ removed }) => removed).map(({ topic }) => topic),
        ["a", "c"],
      );
    });
  });

  describe("whose write fails", () => {
    it("has the events back in order, without those dropped meanwhile, before what came meanwhile", async () => {
      const { buffer, store, told, written, add } = scene();
      store.failure = new Error("disk full");
      const { begun, proceed } = store.hold();
      add("a", "b", "c", "d");
      await begun;
      buffer.dropOldest();
      buffer.dropOldest();
      add("e", "f");

      proceed();
      await buffer.writing;

      assert.equal(buffer.length, 4);
      const events = buffer.takeAll();
      assert.deepEqual(names(events), ["c", "d", "e", "f"]);
      assert.deepEqual(
        events.map(({ sequence }) => sequence),
        [0, 0, 0, 0],
      );
      assert.deepEqual(written, []);
      assert.deepEqual(told, ["failed disk full", "idle"]);
    });

    it("drops what it has back from its oldest on", async () => {
      const { buffer, store, add } = scene();
      store.failure = new Error("disk full");
      const { begun, proceed } = store.hold();
      const [, b] = add("a", "b", "c");
      await begun;
      buffer.dropOldest();
      proceed();
      await buffer.writing;
      const done = b?.done;

      assert.equal(buffer.dropOldest(), done);

      assert.deepEqual(names(buffer.takeAll()), ["c"]);
    });

    it("has the events back before the owner is told", async () => {
      const { buffer, store, told, add } = scene();
      store.failure = new Error("disk full");
      const lengths: number[] = [];
      const { push } = told;
      told.push = (...texts) => {
        lengths.push(buffer.length);
        return push.apply(told, texts);
      };

      add("a", "b");
      await buffer.writing;

      assert.deepEqual(lengths, [2, 2]);
    });

    it("tries again with the next event, and numbers as if nothing had been", async () => {
      const { buffer, store, add } = scene();
      store.failure = new Error("disk full");
      add("a", "b");
      await buffer.writing;
      store.failure = undefined;

      add("c");
      await buffer.writing;

      assert.deepEqual(
        store.added.map(({ topic, sequence }) => `${topic} ${sequence}`),
        ["a 1", "b 2", "c 3"],
      );
    });

    it("does not try in vain again and again", async () => {
      const { buffer, store, add } = scene();
      store.failure = new Error("disk full");

      add(...numbers(1, 5_000).map(String));
      await buffer.writing;

      assert.equal(store.writes.length, 1);
      assert.deepEqual(names(buffer.takeAll()), numbers(1, 5_000).map(String));
    });
  });

  describe("that accepts no events", () => {
    it("still writes removals, and holds the events", async () => {
      const { buffer, store, add } = scene({ acceptsEvents: false });

      add("a");
      buffer.remove(7);
      add("b");
      await buffer.flush();

      assert.deepEqual(store.writes, [{ add: [], remove: [7] }]);
      assert.deepEqual(names(buffer.takeAll()), ["a", "b"]);
    });

    it("has nothing under way for an event", () => {
      const { buffer, add } = scene({ acceptsEvents: false });

      add("a");

      assert.equal(buffer.writing, undefined);
      assert.equal(buffer.length, 1);
    });

    it("did once, or never: it says which when it stops", () => {
      const did = scene().buffer;
      const never = scene({ acceptsEvents: false }).buffer;
      assert.deepEqual([did.acceptsEvents, never.acceptsEvents], [true, false]);

      assert.deepEqual([did.stopAccepting(), never.stopAccepting()], [true, false]);

      assert.equal(did.stopAccepting(), false);
      assert.deepEqual([did.acceptsEvents, never.acceptsEvents], [false, false]);
    });

    it("writes none of those that wait when it stops, and ends what it is writing", async () => {
      const { buffer, store, told, add } = scene();
      const { begun, proceed } = store.hold();
      add("a");
      await begun;
      add("b");

      buffer.stopAccepting();
      proceed();
      await buffer.writing;

      assert.deepEqual(store.writes, [{ add: ["a"], remove: [] }]);
      assert.deepEqual(told, ["written a", "idle"]);
      assert.deepEqual(names(buffer.takeAll()), ["b"]);
    });

    it("writes nothing if it stops before the store is open", async () => {
      const made = scene();
      made.openStore = async () => {
        made.buffer.stopAccepting();
      };

      made.add("a");
      await made.buffer.writing;

      assert.deepEqual(made.store.writes, []);
      assert.deepEqual(made.told, ["idle"]);
      assert.deepEqual(names(made.buffer.takeAll()), ["a"]);
    });

    it("is bypassed, but not while older events are being written", async () => {
      const { buffer, store, add } = scene();
      assert.equal(buffer.isBypassed, false);
      const { begun, proceed } = store.hold();
      add("a");
      await begun;

      buffer.stopAccepting();
      assert.equal(buffer.isBypassed, false);
      proceed();
      await buffer.writing;

      assert.equal(buffer.isBypassed, true);
    });
  });

  describe("from which events are taken", () => {
    it("gives all that wait, once, and none that is being written", async () => {
      const { buffer, store, written, add } = scene();
      const { begun, proceed } = store.hold();
      add("a");
      await begun;
      add("b", "c");

      assert.deepEqual(names(buffer.takeAll()), ["b", "c"]);
      assert.deepEqual(buffer.takeAll(), []);
      assert.equal(buffer.length, 1);
      proceed();
      await buffer.writing;

      assert.deepEqual(names(written), ["a"]);
    });

    for (const { count, taken, left } of [
      { count: 2, taken: ["c", "d"], left: ["a", "b"] },
      { count: 4, taken: ["a", "b", "c", "d"], left: [] },
      { count: 5, taken: ["a", "b", "c", "d"], left: [] },
      { count: 9, taken: ["a", "b", "c", "d"], left: [] },
      { count: 0, taken: [], left: ["a", "b", "c", "d"] },
      { count: -1, taken: [], left: ["a", "b", "c", "d"] },
    ]) {
      it(`gives the newest ${count} of four in their order: ${taken.join(" ") || "none"}`, async () => {
        const { buffer, store, add } = scene();
        add("a", "b", "c", "d");

        assert.deepEqual(names(buffer.takeNewest(count)), taken);

        assert.equal(buffer.length, left.length);
        await buffer.writing;
        assert.deepEqual(
          store.added.map(({ topic }) => topic),
          left,
        );
      });
    }

    it("gives none of the newest that is being written", async () => {
      const { buffer, store, add } = scene();
      const { begun, proceed } = store.hold();
      add("a", "b");
      await begun;
      add("c");

      assert.deepEqual(names(buffer.takeNewest(3)), ["c"]);

      proceed();
      await buffer.writing;
    });
  });
});
