// The queue of what can be sent keeps its order and its counts, whatever leaves it and whenever it needs room.
import assert from "node:assert/strict";
import fc from "fast-check";
import { type QueueEntry, SendQueue } from "../../nodes/outbox/send-queue";

interface Entry extends QueueEntry {
  readonly name: number;
}

/** As many as a new queue has places for. */
const PLACES = 16;

function entry(name: number, bytes = 0): Entry {
  return { name, size: bytes, removed: false };
}

function entries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
}

function queueOf(all: readonly Entry[]): SendQueue<Entry> {
  const queue = new SendQueue<Entry>();
  for (const each of all) queue.push(each);
  return queue;
}

/** Sends so many; their names. */
function send(queue: SendQueue<Entry>, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => queue.next()?.name);
}

function names(queue: SendQueue<Entry>): number[] {
  return queue.remaining().map(({ name }) => name);
}

function numbers(from: number, to: number): number[] {
  return entries(from, to).map(({ name }) => name);
}

describe("send queue", () => {
  it("holds nothing at first", () => {
    const queue = new SendQueue<Entry>();

    assert.equal(queue.next(), undefined);
    assert.equal(queue.peek(), undefined);
    assert.equal(queue.oldest, undefined);
    assert.equal(queue.sent, undefined);
    assert.deepEqual(queue.remaining(), []);
    const { length, waiting, bytes } = queue;
    assert.deepEqual({ length, waiting, bytes }, { length: 0, waiting: 0, bytes: 0 });
  });

  it("gives the same again after it was only looked at, or put back", () => {
    const queue = queueOf(entries(1, 3));

    assert.equal(queue.peek()?.name, 1);
    assert.equal(queue.next()?.name, 1);
    queue.putBack();

    assert.equal(queue.sent, undefined);
    assert.deepEqual(send(queue, 4), [1, 2, 3, undefined]);
  });

  it("puts back what it gave, and not what had left before it", () => {
    const all = entries(1, 3);
    const queue = queueOf(all);
    send(queue, 1);
    queue.remove(all[1] as Entry);

    queue.next();
    queue.putBack();

    assert.deepEqual(send(queue, 2), [3, undefined]);
  });

  it("tells the first and the last of those in flight", () => {
    const all = entries(1, 6);
    const queue = queueOf(all);
    send(queue, 5);

    for (const index of [0, 2, 4]) queue.remove(all[index] as Entry);

    assert.deepEqual(queue.sent, { oldest: all[1], newest: all[3] });
  });

  it("keeps order and cursor where it closes gaps for want of room", () => {
    const all = entries(1, PLACES);
    const queue = queueOf(all);
    send(queue, 6);
    // Among those in flight, and among those that wait.
    for (const index of [2, 4, 5, 7, 8, 10, 12, 14]) queue.remove(all[index] as Entry);

    queue.push(entry(17));

    assert.deepEqual(names(queue), [1, 2, 4, 7, 10, 12, 14, 16, 17]);
    assert.deepEqual(queue.sent, { oldest: all[0], newest: all[3] });
    assert.equal(queue.waiting, 6, "gaps count no longer");
    assert.deepEqual(send(queue, 7), [7, 10, 12, 14, 16, 17, undefined]);
  });

  it("keeps order and cursor where it grows, gaps or not", () => {
    const all = entries(1, PLACES);
    const queue = queueOf(all);
    send(queue, 6);
    for (const index of [2, 4, 7, 8, 10, 12, 14]) queue.remove(all[index] as Entry);

    queue.push(entry(17));

    assert.deepEqual(names(queue), [1, 2, 4, 6, 7, 10, 12, 14, 16, 17]);
    assert.equal(queue.waiting, 11, "gaps count still");
    assert.deepEqual(send(queue, 7), [7, 10, 12, 14, 16, 17, undefined]);
  });

  it("grows in the middle of its ring", () => {
    const queue = queueOf(entries(1, 10));
    for (const first of queue.remaining()) queue.remove(first);

    for (const each of entries(11, 110)) queue.push(each);

    assert.equal(queue.oldest?.name, 11);
    assert.deepEqual(names(queue), numbers(11, 110));
    assert.deepEqual(send(queue, 101), [...numbers(11, 110), undefined]);
  });

  it("lets go of all behind the first once that has left too", () => {
    const all = entries(1, 5);
    const queue = queueOf(all);
    send(queue, 5);
    for (const index of [3, 2, 1]) queue.remove(all[index] as Entry);
    assert.equal(queue.oldest, all[0]);

    queue.remove(all[0] as Entry);

    assert.equal(queue.oldest, all[4]);
    assert.equal(queue.length, 1);
  });

  it("does what a plain array would do, in any order of operations", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const trial = new Trial();
        for (const each of steps) trial.do(each);
        trial.finish();
      }),
      { numRuns: 1_000 },
    );
  });
});

// --- any order of operations ------------------------------------------------------------------

type Step =
  | { readonly do: "push"; readonly count: number; readonly bytes: number }
  | { readonly do: "next"; readonly count: number }
  | { readonly do: "peek" | "next and put back" | "rewind" }
  /** Some that follow on each other, from the one at this place on. */
  | { readonly do: "remove"; readonly from: number; readonly count: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      count: fc.integer({ min: 1, max: 20 }),
      bytes: fc.nat(5),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("next" as const),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 40,
    arbitrary: fc.record({
      do: fc.constant("remove" as const),
      from: fc.nat(100),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({ do: fc.constantFrom("peek", "next and put back", "rewind") }),
  },
);

/** The queue, beside an array that is searched from its beginning each time. */
class Trial {
  readonly #queue = new SendQueue<Entry>();
  /** Those that have left stay in it. */
  #model: { readonly entry: Entry; sent: boolean }[] = [];

  do(step: Step): void {
    if (step.do === "push") this.#push(step.count, step.bytes);
    else if (step.do === "next") this.#next(step.count);
    else if (step.do === "remove") this.#remove(step.from, step.count);
    else if (step.do === "peek") assert.equal(this.#queue.peek(), this.#oldestWaiting?.entry);
    else if (step.do === "rewind") this.#rewind();
    else this.#nextAndPutBack();
    this.#compare();
  }

  /** Sends all, and lets them leave, the newest first. */
  finish(): void {
    this.#next(this.#model.length + 1);
    for (const { entry } of this.#left.reverse()) this.#queue.remove(entry);
    this.#compare();
    assert.equal(this.#queue.waiting, 0);
  }

  get #left() {
    return this.#model.filter(({ entry }) => !entry.removed);
  }

  get #oldestWaiting() {
    return this.#left.find(({ sent }) => !sent);
  }

  #push(count: number, bytes: number): void {
    for (let time = 0; time < count; time += 1) {
      const pushed = entry(this.#model.length, bytes);
      this.#model.push({ entry: pushed, sent: false });
      this.#queue.push(pushed);
    }
  }

  #next(count: number): void {
    for (let time = 0; time < count; time += 1) {
      const expected = this.#oldestWaiting;
      assert.equal(this.#queue.next(), expected?.entry);
      if (expected) expected.sent = true;
    }
  }

  #nextAndPutBack(): void {
    const expected = this.#oldestWaiting?.entry;
    assert.equal(this.#queue.next(), expected);
    if (expected) this.#queue.putBack();
  }

  #rewind(): void {
    for (const each of this.#model) each.sent = false;
    this.#queue.rewind();
  }

  #remove(from: number, count: number): void {
    const left = this.#left;
    const start = from % Math.max(1, left.length);
    for (const { entry } of left.slice(start, start + count)) this.#queue.remove(entry);
  }

  #compare(): void {
    const left = this.#left.map(({ entry }) => entry);
    const sent = this.#left.filter((each) => each.sent).map(({ entry }) => entry);
    const [oldest] = sent;
    assert.deepEqual(this.#queue.remaining(), left);
    assert.equal(this.#queue.length, left.length);
    assert.equal(this.#queue.oldest, left[0]);
    assert.equal(
      this.#queue.bytes,
      left.reduce((sum, { size }) => sum + size, 0),
    );
    assert.deepEqual(this.#queue.sent, oldest && { oldest, newest: sent.at(-1) });
    this.#compareWaiting(left.length - sent.length);
  }

  /** What has left behind the last in flight may count or not. */
  #compareWaiting(waiting: number): void {
    const inFlight = this.#model.map(({ entry, sent }) => sent && !entry.removed);
    const most = inFlight.length - 1 - inFlight.lastIndexOf(true);
    const { waiting: told } = this.#queue;
    assert.ok(told >= waiting && told <= most, `${told} wait, of ${waiting} to ${most}`);
  }
}
