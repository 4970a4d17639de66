// The keys of the store are those of version 0.1.0, and no range of them reaches into another user's events.
import assert from "node:assert/strict";
import fc from "fast-check";
import { EventKeys, type Extent } from "../../nodes/outbox/event-keys";

interface Range {
  readonly gte: string;
  readonly lt: string;
}

const WHO = { projectMqtt: "p", userMqtt: "u" };
const keys = new EventKeys(WHO);
const NEWEST = Number.MAX_SAFE_INTEGER;

/** As LevelDB compares: byte by byte. */
function holds({ gte, lt }: Range, key: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(gte)) >= 0 && isBefore(key, lt);
}

function isBefore(key: string, other: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(other)) < 0;
}

const extent: fc.Arbitrary<Extent> = fc
  .tuple(fc.integer({ min: 1, max: NEWEST - 500 }), fc.integer({ min: 0, max: 499 }), fc.nat())
  .map(([first, more, bytes]) => ({ first, last: first + more, bytes }));

describe("event keys", () => {
  it("are those of version 0.1.0", () => {
    assert.equal(keys.ofBlock({ first: 7, last: 12 }), "events/p/u/0000000000000012-7");
    assert.equal(keys.removed, "settled/p/u");
  });

  it("have room for every number there can be", () => {
    assert.equal(
      keys.ofBlock({ first: NEWEST, last: NEWEST }),
      "events/p/u/9007199254740991-9007199254740991",
    );
  });

  it("tell which events a block holds", () => {
    const extent710 = { first: 7, last: 12, bytes: 710 };
    assert.deepEqual(keys.extent("events/p/u/0000000000000012-7-710"), extent710);
    // As version 0.1.0 wrote them.
    const sizeless = { first: 7, last: 12, bytes: undefined };
    assert.deepEqual(keys.extent("events/p/u/0000000000000012-7"), sizeless);
    fc.assert(
      fc.property(extent, (block) => assert.deepEqual(keys.extent(keys.ofBlock(block)), block)),
    );
  });

  it("are in the order of the events, however many digits their numbers have", () => {
    const blocks = [1, 9, 10, 99, 100, 1_000, NEWEST].map((last) => ({ first: 1, last }));

    const made = blocks.map((block) => keys.ofBlock(block));

    assert.deepEqual([...made].sort(), made);
    fc.assert(
      fc.property(extent, extent, (one, other) => {
        if (one.last === other.last) return;
        const [older, newer] = one.last < other.last ? [one, other] : [other, one];
        assert.ok(isBefore(keys.ofBlock(older), keys.ofBlock(newer)));
      }),
    );
  });

  it("from an event on are those of the blocks that end with it or later, and of no other", () => {
    const block = keys.ofBlock({ first: 7, last: 12 });

    for (const sequence of [1, 7, 11, 12])
      assert.ok(holds(keys.from(sequence), block), `${sequence}`);
    for (const sequence of [13, 20, 100])
      assert.ok(!holds(keys.from(sequence), block), `${sequence}`);
  });

  it("before an event are those of the blocks that end before it, and of no other", () => {
    const block = keys.ofBlock({ first: 7, last: 12 });

    for (const sequence of [13, 20, 100])
      assert.ok(holds(keys.before(sequence), block), `${sequence}`);
    for (const sequence of [1, 7, 11, 12])
      assert.ok(!holds(keys.before(sequence), block), `${sequence}`);
  });

  it("are either before an event or from it on", () => {
    fc.assert(
      fc.property(extent, fc.integer({ min: 1, max: NEWEST }), (block, sequence) => {
        const key = keys.ofBlock(block);
        assert.equal(holds(keys.from(sequence), key), block.last >= sequence);
        assert.equal(holds(keys.before(sequence), key), block.last < sequence);
      }),
    );
  });

  it("hold what has left in none of their ranges", () => {
    assert.ok(!holds(keys.from(1), keys.removed));
    assert.ok(!holds(keys.before(NEWEST), keys.removed));
  });

  for (const other of [
    { projectMqtt: "p", userMqtt: "u2" },
    { projectMqtt: "p", userMqtt: "u:" },
    { projectMqtt: "p", userMqtt: "u-" },
    { projectMqtt: "p", userMqtt: "u " },
    { projectMqtt: "p", userMqtt: "" },
    { projectMqtt: "p", userMqtt: "0000000000000012-7" },
    { projectMqtt: "p2", userMqtt: "u" },
    { projectMqtt: "p:", userMqtt: "u" },
    { projectMqtt: "", userMqtt: "u" },
    { projectMqtt: "u", userMqtt: "p" },
  ]) {
    it(`never reach those of another user: ${other.projectMqtt}/${other.userMqtt}`, () => {
      const others = new EventKeys(other);
      const mine = [1, 12, NEWEST].flatMap((n) => [keys.from(n), keys.before(n)]);
      const theirs = [1, 12, NEWEST].flatMap((n) => [others.from(n), others.before(n)]);

      for (const last of [1, 12, NEWEST]) {
        const block = { first: 1, last };
        for (const range of mine) assert.ok(!holds(range, others.ofBlock(block)));
        for (const range of theirs) assert.ok(!holds(range, keys.ofBlock(block)));
      }
      assert.notEqual(others.removed, keys.removed);
    });
  }
});
