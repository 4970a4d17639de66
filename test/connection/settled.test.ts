// What is settled is remembered exactly, in a line of text.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Settled } from "../../nodes/connection/settled";

function settledOf(...sequences: number[]): Settled {
  const settled = new Settled();
  for (const sequence of sequences) settled.add(sequence);
  return settled;
}

describe("what is settled", () => {
  const orders = [
    { settled: [], text: "1", open: [1, 2, 3, 4, 5] },
    { settled: [1, 2], text: "3", open: [3, 4, 5] },
    { settled: [2, 4], text: "1 2 4", open: [1, 3, 5] },
    { settled: [4, 2, 1], text: "3 4", open: [3, 5] },
    { settled: [3, 2, 1], text: "4", open: [4, 5] },
    { settled: [3, 5, 4, 4], text: "1 3-5", open: [1, 2] },
    { settled: [2, 3, 5], text: "1 2-3 5", open: [1, 4] },
    { settled: [1, 1, 2, 1], text: "3", open: [3, 4, 5] },
  ];
  for (const { settled: sequences, text, open } of orders) {
    it(`is "${text}" after ${sequences.join(", ") || "nothing"}`, () => {
      const settled = settledOf(...sequences);
      assert.equal(settled.toString(), text);
      for (const each of [settled, Settled.parse(text)]) {
        assert.deepEqual(
          [1, 2, 3, 4, 5].filter((sequence) => !each.has(sequence)),
          open,
        );
        assert.equal(each.unsettled(1, 5), open.length);
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
      assert.throws(() => Settled.parse(text), SyntaxError);
    });
  }

  it("is counted within a range", () => {
    const settled = settledOf(1, 2, 3, 6);
    assert.equal(settled.unsettled(1, 3), 0);
    assert.equal(settled.unsettled(3, 6), 2);
    assert.equal(settled.unsettled(7, 9), 3);
    assert.equal(settledOf(20, 21, 22).unsettled(22, 20), 0, "of none");
  });

  it("is what a plain set would hold, in any order", () => {
    const sequence = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(fc.array(sequence), sequence, sequence, (sequences, first, last) => {
        const settled = Settled.parse(settledOf(...sequences).toString());
        const open = Array.from({ length: 32 }, (_, index) => index + 1).filter(
          (each) => !sequences.includes(each),
        );
        assert.equal(settled.front, open[0]);
        assert.deepEqual(
          sequences.filter((each) => !settled.has(each)),
          [],
        );
        assert.equal(
          settled.unsettled(first, last),
          open.filter((each) => each >= first && each <= last).length,
        );
        assert.equal(
          settled.unsettledAfter(first),
          open.find((each) => each > first),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it("is a short line, however many are settled behind one that is not", () => {
    const settled = new Settled();
    for (let sequence = 2; sequence <= 100_000; sequence += 1) settled.add(sequence);
    assert.equal(settled.toString(), "1 2-100000");
    settled.add(1);
    assert.equal(settled.toString(), "100001");
  });
});
