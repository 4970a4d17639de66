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

  const zeros = (count: number) => Array.from({ length: count }, () => 0);

  it("is nothing at first", () => {
    deepEqual(meter.perSecond, zeros(60));
  });

  it("leaves out the present second, which is not over", () => {
    meter.count();
    deepEqual(meter.perSecond, zeros(60));
    now += 500;
    deepEqual(meter.perSecond, [...zeros(59), 1]);
  });

  it("counts by second, oldest first", () => {
    meter.count();
    meter.count();
    now += 1_000;
    meter.count();
    now += 2_000;
    deepEqual(meter.perSecond, [...zeros(57), 2, 1, 0]);
  });

  for (const later of [60_499, 61_000, 200_000]) {
    it(`forgets what is older than a minute, ${later} ms later`, () => {
      meter.count();
      now += later;
      const [oldest, ...others] = meter.perSecond;
      deepEqual([oldest, ...others], later < 60_500 ? [1, ...zeros(59)] : zeros(60));
    });
  }
});
