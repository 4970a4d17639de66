// Events come back from their blocks as they were, whatever characters they hold.
import { strict as assert } from "node:assert";
import type { StoredEvent } from "../../nodes/outbox/event";
import { blocksOf, eventsOf } from "../../nodes/outbox/event-block";

function events(...payloads: string[]): StoredEvent[] {
  return payloads.map((payload, index) => ({
    sequence: 7 + index,
    acceptedAt: 1_000 + index,
    topic: "0/p/u/a device",
    payload,
    qos: 1,
  }));
}

function roundTrip(stored: readonly StoredEvent[]): StoredEvent[] {
  return [...blocksOf(stored)].flatMap((block) => [...eventsOf(block)]);
}

describe("blocks of events", () => {
  it("give back what was put in", () => {
    const stored = events('{"event_data":{}}', "", "line\nbreak", "1 0 2 x\nä€😀", "last");
    assert.deepEqual(roundTrip(stored), stored);
  });

  it("are few for many small events, and hold them in order", () => {
    const stored = events(...Array.from({ length: 1_200 }, (_, index) => String(index)));
    assert.deepEqual(
      [...blocksOf(stored)].map(({ first, last }) => [first, last]),
      [
        [7, 506],
        [507, 1_006],
        [1_007, 1_206],
      ],
    );
    assert.deepEqual(roundTrip(stored), stored);
  });

  it("know the bytes of their events' topics and payloads", () => {
    const [block] = [...blocksOf(events("", "abc", "ä€😀"))];

    assert.equal(block?.bytes, 3 * "0/p/u/a device".length + 3 + 9);
  });

  it("are small enough to be read for a single event", () => {
    const stored = events(...Array.from({ length: 20 }, () => "x".repeat(65_000)));
    const longest = Math.max(...[...blocksOf(stored)].map(({ text }) => text.length));
    assert.equal(longest < 300_000, true);
    assert.deepEqual(roundTrip(stored), stored);
  });

  it("tell which were stamped on arrival", () => {
    const stored = events("a", "b", "c").map((event, index) =>
      index === 1 ? { ...event, isStamped: true } : event,
    );
    assert.deepEqual(roundTrip(stored), stored);
  });

  it("that are none are refused", () => {
    for (const text of [
      "rubbish",
      "",
      "1 0 1 t\nx",
      "1 0 1 t\nx2 0 1 t",
      "1 0 1 t\nx2 0 5 t\nxxxx",
    ]) {
      assert.throws(() => [...eventsOf({ first: 1, last: 2, text })], SyntaxError, text);
    }
  });
});
