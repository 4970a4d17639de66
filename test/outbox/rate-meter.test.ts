// How many there were in each of the last sixty seconds.
import { deepEqual } from "node:assert/strict";
import { RateMeter } from "../../nodes/outbox/rate-meter";

describe("a rate", () => {
  let now: number;
  let meter: RateMeter;
  beforeEach(() => {
    now = 5_000_500;
    meter = new RateMeter(() => now);
  });

  function pass(milliseconds: number): void {
    now += milliseconds;
  }

  const zeros = (count: number) => Array.from({ length: count }, () => 0);

  it("is nothing at first", () => {
    deepEqual(meter.perSecond, zeros(60));
  });

  it("leaves out the present second, which is not over", () => {
    meter.count();
    deepEqual(meter.perSecond, zeros(60));
    pass(500);
    deepEqual(meter.perSecond, [...zeros(59), 1]);
  });

  it("counts by second, oldest first", () => {
    meter.count();
    meter.count();
    pass(1_000);
    meter.count();
    pass(2_000);
    deepEqual(meter.perSecond, [...zeros(57), 2, 1, 0]);
  });

  it("counts what comes in the last moment of a second to that second", () => {
    pass(499);
    meter.count();
    pass(1);
    meter.count();
    pass(1_000);
    deepEqual(meter.perSecond, [...zeros(58), 1, 1]);
  });

  it("may be looked at between two counts", () => {
    meter.count();
    pass(1_500);
    deepEqual(meter.perSecond, [...zeros(58), 1, 0]);
    meter.count();
    pass(1_000);
    deepEqual(meter.perSecond, [...zeros(57), 1, 0, 1]);
  });

  for (const later of [60_499, 61_000, 200_000]) {
    it(`forgets what is older than a minute, ${later} ms later`, () => {
      meter.count();
      pass(later);
      const [oldest, ...others] = meter.perSecond;
      deepEqual([oldest, ...others], later < 60_500 ? [1, ...zeros(59)] : zeros(60));
    });
  }
});
