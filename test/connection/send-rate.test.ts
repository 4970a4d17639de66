// What a limit on the events per second lets through, by a clock of the test's own.
import assert from "node:assert/strict";
import { SendRate } from "../../nodes/connection/send-rate";

describe("a send rate", () => {
  let now: number;
  beforeEach(() => {
    now = 5_000;
  });

  function rateOf(perSecond: number): SendRate {
    return new SendRate(perSecond, () => now);
  }

  /** How many go out in so many milliseconds if each goes as soon as it may, on timers so late. */
  function sentIn(rate: SendRate, milliseconds: number, lateness: () => number): number {
    const end = now + milliseconds;
    let sent = 0;
    while (now < end) {
      if (rate.wait === 0) {
        rate.sent();
        sent += 1;
      } else now += rate.wait + lateness();
    }
    return sent;
  }

  it("lets the first event go at once, and the next when its time has come", () => {
    const rate = rateOf(20);
    assert.equal(rate.wait, 0);

    rate.sent();

    assert.equal(rate.wait, 50);
    now += 49;
    assert.equal(rate.wait, 1);
    now += 1;
    assert.equal(rate.wait, 0);
  });

  it("of less than one a second waits for whole seconds", () => {
    const rate = rateOf(0.1);

    rate.sent();

    assert.equal(rate.wait, 10_000);
  });

  for (const perSecond of [1, 20, 500, 10_000]) {
    it(`holds on average although timers are late: ${perSecond} a second`, () => {
      const sent = sentIn(rateOf(perSecond), 10_000, () => 1.5);

      assert.ok(sent <= perSecond * 10 + 1, `${sent}`);
      assert.ok(sent >= perSecond * 9.9, `${sent}`);
    });
  }

  it("saves nothing up over a quiet hour but what makes up for a late timer", () => {
    const rate = rateOf(100);
    rate.sent();
    now += 3_600_000;

    const atOnce = sentIn(rate, 1, () => 1);

    assert.equal(atOnce, 6);
  });
});
