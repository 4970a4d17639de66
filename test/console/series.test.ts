// The numbers behind a chart (sandbox/console/series.ts).
import { strict as assert } from "node:assert";
import { drawable, runs, Series, span } from "../../sandbox/console/series";

describe("console: series", () => {
  function series(...points: [source: string, x: number, y: number][]) {
    const made = new Series({ lines: 2, window: 10 });
    const drawn = points.map(([source, x, y]) => made.add({ tag: "t", source, x, y }));
    return { table: made.table, sources: made.sources, drawn };
  }

  it("has a row for each time and a column for each line, empty where a line has no value", () => {
    const { table, sources } = series(["a", 1, 10], ["b", 2, 20], ["a", 3, 11], ["b", 3, 21]);
    assert.deepEqual(sources, ["a", "b"]);
    assert.deepEqual(table, [
      [1, 2, 3],
      [10, null, 11],
      [null, 20, 21],
    ]);
  });

  it("keeps the last value of a time", () => {
    assert.deepEqual(series(["a", 1, 10], ["a", 1, 11]).table, [[1], [11]]);
  });

  for (const [what, times, now, expected] of [
    ["from the first time to now", [100, 150], 160, [100, 160]],
    ["ten seconds at the least", [158], 160, [150, 160]],
    ["five minutes at the most, of a device that fell silent", [100, 150], 450, [150, 450]],
    ["what is ahead of the clock", [100, 165], 160, [100, 165]],
    ["the seconds before now, without any time", [], 160, [150, 160]],
  ] as const) {
    it(`spans ${what}`, () => {
      assert.deepEqual(span(times, now, { least: 10, most: 300 }), expected);
    });
  }

  it("leaves a number as it is, unless it is too far from another to be drawn beside it", () => {
    assert.deepEqual([0, -21.5, 1e300].map(drawable), [0, -21.5, 1e300]);
    const [low = 0, high = 0] = [-Number.MAX_VALUE, Number.MAX_VALUE].map(drawable);
    assert.ok(Number.isFinite((high - low) * 8));
  });

  for (const [what, times, values, expected] of [
    ["the only value of a line as a run of its own", [1, 2, 3], [null, 21.5, null], [[1, 1]]],
    ["a line whose values other devices come between", [1, 2, 3], [1, null, 2], [[0, 2]]],
    ["no run of no values", [1], [null], []],
    ["a line of one value a minute in one", [0, 60, 120, 180], [1, 2, 3, 4], [[0, 3]]],
    [
      "a value between long pauses as a run of its own",
      [0, 1, 2, 30, 60, 61, 62],
      [1, 2, 3, 4, 5, 6, 7],
      [
        [0, 2],
        [3, 3],
        [4, 6],
      ],
    ],
    ["a line with pauses of up to ten seconds in one", [0, 1, 2, 12], [1, 2, 3, 4], [[0, 3]]],
  ] as const) {
    it(`tells ${what}`, () => {
      assert.deepEqual(runs(times, values), expected);
    });
  }

  it("forgets what is older than its window, in every column", () => {
    const { table } = series(["a", 1, 10], ["b", 2, 20], ["a", 11.5, 11]);
    assert.deepEqual(table, [
      [2, 11.5],
      [null, 11],
      [20, null],
    ]);
  });

  it("begins a line with its first point that is drawn, and takes no room for it before", () => {
    const { table, sources } = series(["a", 2, 10], ["b", 1, 20], ["c", 3, 30], ["b", 4, 21]);
    assert.deepEqual(sources, ["a", "c"]);
    assert.deepEqual(table, [
      [2, 3],
      [10, null],
      [null, 30],
    ]);
  });

  it("draws neither a line too many nor a time that is past", () => {
    const { table, drawn } = series(["a", 2, 10], ["b", 2, 20], ["c", 3, 30], ["a", 1, 9]);
    assert.deepEqual(drawn, [true, true, false, false]);
    assert.deepEqual(table, [[2], [10], [20]]);
  });
});
