// Which events have left is remembered exactly, in a line of text.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { RemovedSequences } from "../../nodes/outbox/removed-sequences";

function removedSequences(...sequences: number[]): RemovedSequences {
  const removed = new RemovedSequences();
  for (const sequence of sequences) removed.add(sequence);
  return removed;
}

describe("removed sequences", () => {
  const orders = [
    { removed: [], text: "1", open: [1, 2, 3, 4, 5] },
    { removed: [1, 2], text: "3", open: [3, 4, 5] },
    { removed: [2, 4], text: "1 2 4", open: [1, 3, 5] },
    { removed: [4, 2, 1], text: "3 4", open: [3, 5] },
    { removed: [3, 2, 1], text: "4", open: [4, 5] },
    { removed: [3, 5, 4, 4], text: "1 3-5", open: [1, 2] },
    { removed: [2, 3, 5], text: "1 2-3 5", open: [1, 4] },
    { removed: [1, 1, 2, 1], text: "3", open: [3, 4, 5] },
  ];
  for (const { removed: sequences, text, open } of orders) {
    it(`is "${text}" after ${sequences.join(", ") || "nothing"}`, () => {
      const removed = removedSequences(...sequences);
      assert.equal(removed.toString(), text);
      for (const each of [removed, RemovedSequences.parse(text)]) {
        assert.deepEqual(
          [1, 2, 3, 4, 5].filter((sequence) => !each.has(sequence)),
          open,
        );
        assert.equal(each.present(1, 5), open.length);
      }
    });
  }

  for (const text of [
    "",
    "rubbish",
    "3 x",
    "3  5",
    "NaN",
    "-1",
    "3 ",
    "3 5-",
    "1-3",
    "3 3",
    "3 7-5",
    "3 7 5",
    "3 5-7 6",
    "3 5 6",
  ]) {
    it(`is not "${text}"`, () => {
      assert.throws(() => RemovedSequences.parse(text), SyntaxError);
    });
  }

  it("is counted within a range", () => {
    const removed = removedSequences(1, 2, 3, 6);
    assert.equal(removed.present(1, 3), 0);
    assert.equal(removed.present(3, 6), 2);
    assert.equal(removed.present(7, 9), 3);
    assert.equal(removedSequences(20, 21, 22).present(22, 20), 0, "of none");
  });

  it("is what a plain set would hold, in any order", () => {
    const sequence = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(fc.array(sequence), sequence, sequence, (sequences, first, last) => {
        const removed = RemovedSequences.parse(removedSequences(...sequences).toString());
        const open = Array.from({ length: 32 }, (_, index) => index + 1).filter(
          (each) => !sequences.includes(each),
        );
        assert.equal(removed.watermark, open[0]);
        assert.deepEqual(
          sequences.filter((each) => !removed.has(each)),
          [],
        );
        assert.equal(
          removed.present(first, last),
          open.filter((each) => each >= first && each <= last).length,
        );
        assert.equal(
          removed.firstPresentAfter(first),
          open.find((each) => each > first),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes ranges as it takes the numbers in them, wherever they touch what is there", () => {
    const range = fc.tuple(fc.integer({ min: -2, max: 30 }), fc.integer({ min: -2, max: 30 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), (ranges) => {
        const removed = new RemovedSequences();
        const single = new RemovedSequences();
        for (const [first, last] of ranges) {
          removed.addRange(first, last);
          for (let each = Math.max(1, first); each <= last; each += 1) single.add(each);
        }
        assert.equal(removed.toString(), single.toString());
      }),
      { numRuns: 2_000 },
    );
  });

  it("takes a million at once as quickly as one", () => {
    const removed = new RemovedSequences();
    removed.addRange(2, 1_000_001);
    assert.equal(removed.toString(), "1 2-1000001");
    removed.addRange(1, 1);
    assert.equal(removed.watermark, 1_000_002);
  });

  it("is a short line, however many are removed behind one that is not", () => {
    const removed = new RemovedSequences();
    for (let sequence = 2; sequence <= 100_000; sequence += 1) removed.add(sequence);
    assert.equal(removed.toString(), "1 2-100000");
    removed.add(1);
    assert.equal(removed.toString(), "100001");
  });
});
