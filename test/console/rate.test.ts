// How many events a second the console tells (sandbox/console/rate.ts).
import { strict as assert } from "node:assert";
import { Rate } from "../../sandbox/console/rate";

describe("console: rate", () => {
  for (const seconds of [0.2, 1, 2, 3, 5, 10]) {
    it(`is the same from when it is told first, while an event comes every ${seconds} seconds`, () => {
      const rate = new Rate();
      rate.count(0, 1000);
      let told = 0;
      for (let step = 0; step < 600; step += 1) {
        const now = step / 10;
        // Counts come with other news, too.
        rate.count(now, 1000 + Math.floor((now + 0.05) / seconds));
        const perSecond = rate.perSecond(now);
        if (perSecond === 0) continue;
        told += 1;
        assert.ok(Math.abs(perSecond * seconds - 1) < 1e-9, `${perSecond} at ${now}`);
      }
      assert.ok(told >= 600 - 10 * (3 + 2 * seconds), `told ${told} times`);
    });
  }

  it("is not told after one event, nor of less than three seconds", () => {
    const rate = new Rate();
    rate.count(0, 0);
    rate.count(1, 1);
    assert.equal(rate.perSecond(1), 0);
    rate.count(3.5, 2);
    assert.equal(rate.perSecond(3.5), 0);
    rate.count(4.5, 3);
    assert.equal(rate.perSecond(4.5), 2 / 3.5);
  });

  it("is nothing ten seconds after the last event", () => {
    const rate = new Rate();
    for (const at of [0, 1, 2, 3, 4, 5]) rate.count(at, at * 30);
    assert.equal(rate.perSecond(5), 30);
    assert.equal(rate.perSecond(15), 0);
  });

  it("goes on after the page was told nothing for a while, and begins anew with another sandbox", () => {
    const rate = new Rate();
    for (const at of [0, 1, 2, 100]) rate.count(at, at * 3);
    assert.equal(rate.perSecond(100), 3);
    rate.count(101, 0);
    assert.equal(rate.perSecond(101), 0);
  });
});
