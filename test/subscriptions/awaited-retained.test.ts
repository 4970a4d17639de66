// Which retained messages are for a subscriber, when one SUBSCRIBE follows another.
import { equal } from "node:assert/strict";
import { AwaitedRetained } from "../../nodes/subscriptions/awaited-retained";

const FILTER = "1/p/u/a/#";
const TOPIC = "1/p/u/a/update/t";

describe("the retained messages that a subscriber awaits", () => {
  let now: number;
  let retained: AwaitedRetained;

  beforeEach(() => {
    now = 1;
    retained = new AwaitedRetained(() => now);
  });

  const takes = (topic = TOPIC) => retained.takes([FILTER, "1/p/u/#"], topic);

  it("are none before its SUBSCRIBE", () => {
    equal(takes(), false);
  });

  it("are what its own brings, however late", () => {
    retained.asked(FILTER);
    now += 60_000;
    equal(takes(), true);
  });

  it("are not what another's brings later", () => {
    retained.asked(FILTER);
    takes();
    now += 5_000;
    retained.askedByOthers(FILTER);
    equal(takes(), false);
    equal(takes("1/p/u/a/update/new"), false);
  });

  it("are what another's brings just after its own, once", () => {
    retained.asked(FILTER);
    now += 4_999;
    retained.askedByOthers(FILTER);
    equal(takes(), true);
    equal(takes(), false);
  });

  it("are all again after a new one of its own", () => {
    retained.asked(FILTER);
    takes();
    retained.asked(FILTER);
    equal(takes(), true);
  });

  it("are none of a filter that it has given up", () => {
    retained.asked(FILTER);
    retained.forget(FILTER);
    equal(takes(), false);
  });

  it("are not remembered for longer than they may be repeated", () => {
    equal(retained.isSettling, false);
    retained.asked(FILTER);
    equal(retained.isSettling, true);
    now += 5_000;
    equal(retained.isSettling, false);
  });
});
