// A queue in memory holds its events until they leave, and hands over what is left.
import assert from "node:assert/strict";
import { type QueuedEvent, queuedEvent } from "../../nodes/outbox/event";
import { MemoryQueue } from "../../nodes/outbox/memory-queue";
import { M1Error } from "../../nodes/protocol/errors";

function event(name: string): QueuedEvent {
  const done = () => undefined;
  return queuedEvent({ topic: name, payload: `of ${name}`, qos: 1, done }, 1_000);
}

function queueOf(...events: readonly QueuedEvent[]): MemoryQueue {
  const queue = new MemoryQueue({ ready: () => undefined, accepted: () => undefined });
  for (const each of events) queue.push(each);
  return queue;
}

describe("queue in memory", () => {
  it("gives each event once, in the order they came", () => {
    const [a, b] = [event("a"), event("b")];
    const queue = queueOf(a, b);

    assert.equal(queue.next(), a);
    assert.equal(queue.next(), b);
    assert.equal(queue.next(), undefined);
  });

  it("says with every event that there is one to send, and has it by then", () => {
    const given: (QueuedEvent | undefined)[] = [];
    const queue: MemoryQueue = new MemoryQueue({
      ready: () => given.push(queue.next()),
      accepted: () => undefined,
    });
    const [a, b] = [event("a"), event("b")];

    queue.push(a);
    queue.push(b);

    assert.deepEqual(given, [a, b]);
  });

  it("counts an event until it is removed", () => {
    const [a, b] = [event("a"), event("b")];
    const queue = queueOf(a, b);
    queue.next();
    assert.equal(queue.length, 2);

    queue.remove(a);

    assert.equal(queue.length, 1);
    assert.equal(a.removed, true);
    assert.equal(queue.head.oldest, b);
  });

  it("drops the oldest that waits, lets its content go, and returns its callback", () => {
    const [a, b, c] = [event("a"), event("b"), event("c")];
    const { done } = b;
    const queue = queueOf(a, b, c);
    queue.next();

    const dropped = queue.dropOldest();

    assert.equal(dropped, done);
    assert.deepEqual({ removed: b.removed, payload: b.payload }, { removed: true, payload: "" });
    assert.equal(queue.length, 2);
    assert.equal(queue.next(), c);
  });

  it("counts no bytes of what it dropped", () => {
    const queue = queueOf(event("a"), event("b"));

    queue.dropOldest();
    queue.dropOldest();

    assert.equal(queue.bytes, 0);
  });

  it("drops nothing that is in flight", () => {
    const a = event("a");
    const queue = queueOf(a);
    queue.next();

    assert.equal(queue.dropOldest(), undefined);
    assert.deepEqual({ removed: a.removed, length: queue.length }, { removed: false, length: 1 });
  });

  it("keeps what goes into quarantine, and hands it over", async () => {
    const [a, b] = [event("a"), event("b")];
    const queue = queueOf(a, b);
    queue.next();

    queue.setAside(a, new M1Error("EVENT_REFUSED", { reason: "too pink" }));

    assert.equal(a.removed, true);
    assert.equal(queue.length, 1);
  });

  it("leaves what is in flight and what waits, in order and whole, and no callbacks besides", async () => {
    const [a, b, c] = [event("a"), event("b"), event("c")];
    const queue = queueOf(a, b, c);
    queue.next();
    queue.next();
    queue.remove(a);

    const { events, callbacks } = await queue.close();

    assert.deepEqual(events, [b, c]);
    assert.equal(callbacks.size, 0);
  });
});
