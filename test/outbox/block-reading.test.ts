// From blocks to events: each event that is wanted comes out once and in order, as itself or with a fault.
import assert from "node:assert/strict";
import fc from "fast-check";
import { BlockReading, type Wanted } from "../../nodes/outbox/block-reading";
import type { FoundEvent, StoredEvent } from "../../nodes/outbox/event";
import { blocksOf } from "../../nodes/outbox/event-block";
import { EventKeys } from "../../nodes/outbox/event-keys";
import { RemovedSequences } from "../../nodes/outbox/removed-sequences";
import { seal } from "../../nodes/outbox/seal";
import { M1Error } from "../../nodes/protocol/errors";

const keys = new EventKeys({ projectMqtt: "p", userMqtt: "u" });

interface Piece {
  readonly first: number;
  readonly count: number;
  readonly state: "intact" | "changed" | "missing";
}

function event(sequence: number): StoredEvent {
  const payload = `payload ${sequence}`;
  return { sequence, acceptedAt: 1_000 + sequence, topic: "0/p/u/d", payload, qos: 1 };
}

/** What comes of these pieces of a queue, the removed ones having left. */
async function read(pieces: readonly Piece[], removed: RemovedSequences, wanted: Wanted) {
  const kept: string[] = [];
  const reading = new BlockReading(wanted, {
    firstPresentAfter: (sequence) => removed.firstPresentAfter(sequence),
    unreadable: async (text) => {
      kept.push(text);
      return new M1Error("OUTBOX_UNREADABLE", { file: "f" });
    },
  });
  for (const { first, count, state } of pieces) {
    const events = Array.from({ length: count }, (_, index) => event(first + index));
    for (const block of blocksOf(events)) {
      const key = keys.ofBlock(block);
      const text = seal(key, block.text);
      if (state === "missing") continue;
      const onDisk = state === "changed" ? text.replace("payload", "paylord") : text;
      await reading.add(key, { ...keys.extent(key), text: onDisk });
      if (reading.isComplete) return { events: reading.events, kept };
    }
  }
  reading.end();
  return { events: reading.events, kept };
}

const states = fc.constantFrom<Piece["state"][]>(
  "intact",
  "intact",
  "intact",
  "changed",
  "missing",
);
const queue = fc
  .array(fc.record({ count: fc.integer({ min: 1, max: 9 }), state: states }), { maxLength: 8 })
  .map((pieces) => {
    let next = 1;
    return pieces.map(({ count, state }) => {
      const first = next;
      next += count;
      return { first, count, state };
    });
  });

describe("reading blocks", () => {
  it("gives every event that has not left once, in order, whatever has become of its block", async () => {
    await fc.assert(
      fc.asyncProperty(
        queue,
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 20 }),
        async (pieces, left, limit) => {
          const removed = new RemovedSequences();
          for (const sequence of left) removed.add(sequence);
          const last = pieces.at(-1);
          const upTo = last ? last.first + last.count - 1 : 0;
          const found: FoundEvent[] = [];
          // As a queue does: from where the last reading ended, until there is nothing more.
          for (;;) {
            const after = found.at(-1)?.sequence ?? 0;
            const rest = pieces.filter(({ first, count }) => first + count - 1 > after);
            const bytes = Number.POSITIVE_INFINITY;
            const { events } = await read(rest, removed, { after, upTo, limit, bytes });
            if (events.length === 0) break;
            found.push(...events);
          }
          const stateOf = (sequence: number) =>
            pieces.find(({ first, count }) => sequence >= first && sequence < first + count)?.state;
          const present = Array.from({ length: upTo }, (_, index) => index + 1).filter(
            (sequence) => !removed.has(sequence),
          );
          assert.deepEqual(
            found.map(({ sequence, fault }) => [sequence, fault === undefined]),
            present.map((sequence) => [sequence, stateOf(sequence) === "intact"]),
          );
          for (const { fault, ...each } of found) {
            if (!fault) assert.deepEqual(each, event(each.sequence));
          }
        },
      ),
    );
  });

  it("keeps the text of a block that makes no sense, unless all that it held has left", async () => {
    const pieces = [
      { first: 1, count: 3, state: "changed" },
      { first: 4, count: 3, state: "changed" },
      { first: 7, count: 3, state: "intact" },
    ] as const;
    const wanted = { after: 0, upTo: 9, limit: 100, bytes: Number.POSITIVE_INFINITY };

    const { events, kept } = await read(pieces, new RemovedSequences(4), wanted);

    assert.equal(kept.length, 1);
    assert.deepEqual(
      events.map(({ sequence, fault }) => [sequence, fault?.code]),
      [
        [4, "OUTBOX_UNREADABLE"],
        [5, "OUTBOX_UNREADABLE"],
        [6, "OUTBOX_UNREADABLE"],
        [7, undefined],
        [8, undefined],
        [9, undefined],
      ],
    );
  });

  it("says of events that are not there at all that they are missing", async () => {
    const pieces = [{ first: 3, count: 1, state: "intact" }] as const;
    const wanted = { after: 0, upTo: 4, limit: 100, bytes: Number.POSITIVE_INFINITY };

    const { events } = await read(pieces, new RemovedSequences(), wanted);

    assert.deepEqual(
      events.map(({ sequence, fault }) => [sequence, fault?.code]),
      [
        [1, "OUTBOX_MISSING"],
        [2, "OUTBOX_MISSING"],
        [3, undefined],
        [4, "OUTBOX_MISSING"],
      ],
    );
  });

  it("ends after so many bytes, but not before the first event", async () => {
    const pieces = [1, 2, 3].map((first) => ({ first, count: 1, state: "intact" }) as const);
    const size = "0/p/u/d".length + "payload 1".length;
    for (const [bytes, count] of [
      [1, 1],
      [size, 1],
      [size + 1, 2],
    ] as const) {
      const { events } = await read(pieces, new RemovedSequences(), {
        ...{ after: 0, upTo: 3, limit: 100, bytes },
      });
      assert.equal(events.length, count, `${bytes} bytes`);
    }
  });
});
