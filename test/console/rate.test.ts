// How many events a second the console tells (sandbox/console/rate.ts).
import { strict as assert } from "node:assert";
import { Rate } from "../../sandbox/console/rate";

describe("console: rate", () => {
  for (const seconds of [0.2, 1, 2, 3, 5, 10]) {
    it(`is the same at any time while an event comes every ${seconds} seconds`, () => {
      const rate = new Rate();
      let events = 0;
      for (let now = 0; now < 60; now += 0.1) {
        if (now >= events * seconds) rate.count(events * seconds, ++events);
        const told = rate.perSecond(now);
        if (now > 20) assert.ok(Math.abs(told * seconds - 1) < 1e-9, `${told} at ${now}`);
      }
    });
  }

  it("is nothing ten seconds after the last event, and before the first", () => {
    const rate = new Rate();
    assert.equal(rate.perSecond(0), 0);
    rate.count(0, 0);
    rate.count(1, 30);
    assert.equal(rate.perSecond(1), 10);
    assert.equal(rate.perSecond(11), 0);
  });
});
