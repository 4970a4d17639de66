// How long a connection waits before it tries again.
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Backoff } from "../../nodes/connection/backoff";
import { TIMING } from "../../nodes/connection/timing";

const LATEST = () => 1;
const EARLIEST = () => 0;

/** The pauses after so many failures in a row. */
function pauses(backoff: Backoff, count: number, refused = false): number[] {
  return Array.from({ length: count }, () => backoff.next(refused));
}

describe("backoff", () => {
  it("doubles from one second to one minute at the most", () => {
    const seconds = pauses(new Backoff(TIMING, LATEST), 9).map((pause) => pause / 1_000);
    assert.deepEqual(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it("spreads the pause over its whole range, so that clients do not return together", () => {
    assert.deepEqual(pauses(new Backoff(TIMING, EARLIEST), 3), [0, 0, 0]);
    const half = new Backoff(TIMING, () => 0.5);
    assert.deepEqual(pauses(half, 3), [500, 1_000, 2_000]);
  });

  it("is random unless told otherwise", () => {
    const backoff = new Backoff(TIMING);
    pauses(backoff, 6);
    assert.ok(new Set(pauses(backoff, 20)).size > 1);
  });

  it("begins again after a reset", () => {
    const backoff = new Backoff(TIMING, LATEST);
    pauses(backoff, 5);
    backoff.reset();
    assert.deepEqual(pauses(backoff, 2), [1_000, 2_000]);
  });

  it("waits half a minute at least once the credentials were refused", () => {
    assert.deepEqual(pauses(new Backoff(TIMING, EARLIEST), 3, true), [30_000, 30_000, 30_000]);
    const latest = pauses(new Backoff(TIMING, LATEST), 8, true);
    assert.deepEqual(latest, [30_000, 30_000, 30_000, 30_000, 30_000, 32_000, 60_000, 60_000]);
  });

  it("counts refusals as failures", () => {
    const backoff = new Backoff(TIMING, LATEST);
    pauses(backoff, 3, true);
    assert.equal(backoff.next(false), 8_000);
  });

  it("never waits longer than the longest pause, whatever the timing", () => {
    const duration = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(
        fc.record({ firstRetry: duration, longestRetry: duration, refusedRetry: duration }),
        fc.array(fc.boolean(), { maxLength: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (timing, refusals, random) => {
          const backoff = new Backoff({ ...TIMING, ...timing }, () => random);
          for (const refused of refusals) {
            const pause = backoff.next(refused);
            assert.ok(pause >= 0 && pause <= timing.longestRetry, String(pause));
          }
        },
      ),
    );
  });
});
