// Promises of the clock that stamps arrivals.
import assert from "node:assert/strict";
import fc from "fast-check";
import { arrivalClock } from "../../nodes/protocol/arrival-clock";

/** 2026-01-01T00:00:00Z */
const START = 1_767_225_600_000;

/** A clock whose two sources the test sets before each reading. */
function settableClock() {
  const sources = { wall: START, monotonic: 1_000 };
  const read = arrivalClock({ wall: () => sources.wall, monotonic: () => sources.monotonic });
  return {
    sources,
    /** The stamp as microseconds after START. */
    read: () => microsecondsOf(read()) - START * 1000,
  };
}

function microsecondsOf(stamp: string): number {
  assert.match(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  return Date.parse(`${stamp.slice(0, 23)}Z`) * 1000 + Number(stamp.slice(23, 26));
}

describe("arrival clock", () => {
  it("begins with the wall clock's millisecond", () => {
    assert.equal(settableClock().read(), 0);
  });

  it("has the microseconds of the monotonic clock", () => {
    const { sources, read } = settableClock();
    read();
    const stamps = [0.125, 0.25, 0.5, 0.75, 0.875].map((elapsed) => {
      sources.monotonic = 1_000 + elapsed;
      return read();
    });
    assert.deepEqual(stamps, [125, 250, 500, 750, 875]);
  });

  it("goes on from one millisecond to the next", () => {
    const { sources, read } = settableClock();
    read();
    sources.monotonic += 1.25;
    sources.wall += 1;
    assert.equal(read(), 1_250);
    sources.monotonic += 1_000;
    sources.wall += 1_000;
    assert.equal(read(), 1_001_250);
  });

  it("gives 2,000 calls within a millisecond 2,000 times, each a microsecond later", () => {
    const { read } = settableClock();
    const stamps = Array.from({ length: 2_000 }, read);
    assert.deepEqual(
      stamps,
      stamps.map((_, index) => index),
    );
  });

  it("is back with the wall clock as soon as that has caught up with a burst", () => {
    const { sources, read } = settableClock();
    for (let call = 0; call < 2_000; call += 1) read();
    sources.wall += 1;
    sources.monotonic += 1;
    assert.equal(read(), 2_000);
    sources.wall += 2;
    sources.monotonic += 2;
    assert.equal(read(), 3_000);
  });

  it("follows a step forward at once", () => {
    const { sources, read } = settableClock();
    read();
    sources.wall += 3_600_000;
    sources.monotonic += 0.25;
    assert.equal(read(), 3_600_000_000);
    sources.monotonic += 0.25;
    assert.equal(read(), 3_600_000_250);
  });

  it("follows a step back at once, and counts on from there", () => {
    const { sources, read } = settableClock();
    read();
    sources.wall -= 3_600_000;
    sources.monotonic += 0.25;
    const stepped = read();
    assert.ok(stepped >= -3_600_000_000 && stepped < -3_599_999_000, String(stepped));
    const second = read();
    assert.equal(second, stepped + 1);
    sources.wall += 1;
    sources.monotonic += 1;
    const third = read();
    assert.ok(third > second && third < -3_599_998_000, String(third));
  });

  it("follows a step back of a single millisecond", () => {
    const { sources, read } = settableClock();
    sources.wall += 1;
    read();
    sources.wall -= 1;
    const stamp = read();
    assert.ok(stamp >= 0 && stamp < 1_000, String(stamp));
  });

  it("does not run ahead of a wall clock that the monotonic clock outruns", () => {
    const { sources, read } = settableClock();
    read();
    sources.monotonic += 5;
    const stamp = read();
    assert.ok(stamp >= 998 && stamp <= 999, String(stamp));
    sources.wall += 1;
    sources.monotonic += 0.5;
    const next = read();
    assert.ok(next >= 1_498 && next <= 1_500, String(next));
  });

  it("never leaves the millisecond of the wall clock but for calls too many for it", () => {
    const steps = fc.record({
      wall: fc.oneof(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 10_000_000 }),
        fc.integer({ min: -10_000_000, max: 0 }),
      ),
      monotonic: fc.double({ min: 0, max: 4, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 200 }), (moves) => {
        const { sources, read } = settableClock();
        let last = read();
        moves.forEach((move, index) => {
          sources.wall += move.wall;
          sources.monotonic += move.monotonic;
          const stamp = read();
          const ahead = stamp - (sources.wall - START) * 1000;
          assert.ok(ahead >= 0 && ahead <= 999 + index + 1, `${ahead} µs ahead`);
          if (move.wall >= 0) assert.ok(stamp > last, `${stamp} after ${last}`);
          last = stamp;
        });
      }),
    );
  });

  it("with the system's clocks is within a millisecond of Date.now() and strictly increases", () => {
    const read = arrivalClock();
    let last = Number.NEGATIVE_INFINITY;
    for (let call = 0; call < 20_000; call += 1) {
      // A million stamps a second and more cannot but run ahead, a microsecond each.
      for (const next = performance.now() + 0.002; performance.now() < next; );
      const before = Date.now() * 1000;
      const stamp = microsecondsOf(read());
      const after = Date.now() * 1000;
      assert.ok(stamp >= before - 1_000 && stamp <= after + 1_999, `${stamp - before} µs off`);
      assert.ok(stamp > last, `${stamp} after ${last}`);
      last = stamp;
    }
  });

  it("with the system's clocks has microseconds of its own", () => {
    const read = arrivalClock();
    const digits = new Set<string>();
    for (const end = Date.now() + 5; Date.now() < end; ) digits.add(read().slice(23, 26));
    assert.ok(digits.size > 100, `${digits.size} different microseconds`);
  });

  it("is one of many that do not disturb each other", () => {
    const one = settableClock();
    const other = settableClock();
    assert.equal(one.read(), 0);
    assert.equal(other.read(), 0);
    assert.equal(one.read(), 1);
  });
});
