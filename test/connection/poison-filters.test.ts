// Which of many filters a broker cannot bear, found by what it closes the connection on.
import assert from "node:assert/strict";
import { PoisonFilters } from "../../nodes/connection/poison-filters";

const names = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`);

/** A broker that closes the connection on some filters: what it takes to get all the others granted. */
function search(
  wanted: readonly string[],
  bad: ReadonlySet<string>,
  poison = new PoisonFilters(1_000, () => 0),
) {
  const granted = new Set<string>();
  let disconnects = 0;
  let most = 0;
  for (;;) {
    let rest = wanted.filter((filter) => !granted.has(filter) && !poison.has(filter));
    while (rest.length > 0) {
      const count = poison.ask(rest);
      most = Math.max(most, count);
      const asked = rest.slice(0, count);
      if (asked.some((filter) => bad.has(filter))) break;
      poison.answered();
      for (const filter of asked) granted.add(filter);
      rest = rest.slice(count);
    }
    if (rest.length === 0) break;
    assert.ok(poison.disconnected());
    disconnects += 1;
    assert.ok(disconnects < 1_000, "it ends");
  }
  poison.settled();
  return { granted, disconnects, most, poison };
}

describe("poison filters", () => {
  it("are none where the broker answers: a hundred go into a packet", () => {
    const { granted, disconnects, most, poison } = search(names(250), new Set());
    assert.equal(granted.size, 250);
    assert.equal(disconnects, 0);
    assert.equal(most, 100);
    assert.equal(poison.hasAny, false);
  });

  for (const [count, place] of [
    [1, 0],
    [2, 1],
    [100, 0],
    [100, 57],
    [100, 99],
    [300, 150],
  ] as const) {
    it(`are found among ${count} with at most twelve disconnects, and cost nobody else the subscription`, () => {
      const bad = `f${place}`;
      const { granted, disconnects, poison } = search(names(count), new Set([bad]));
      assert.equal(granted.size, count - 1);
      assert.ok(disconnects <= 12, `${disconnects}`);
      assert.ok(disconnects >= 3, "one disconnect is no proof");
      assert.deepEqual(
        names(count).filter((filter) => poison.has(filter)),
        [bad],
      );
      assert.equal(poison.isSearching, false);
    });
  }

  it("are all, if the broker closes the connection twelve times without granting one", () => {
    const { disconnects, granted } = search(names(100), new Set(names(100)));
    assert.equal(granted.size, 0);
    assert.equal(disconnects, 12);
  });

  it("are asked for again after the pause, alone, and cost one disconnect then", () => {
    let now = 0;
    const poison = new PoisonFilters(1_000, () => now);
    search(names(3), new Set(["f1"]), poison);
    now = 999;
    assert.equal(poison.has("f1"), true);
    now = 1_000;
    assert.equal(poison.has("f1"), false);
    assert.equal(poison.ask(["f0", "f1", "f2"]), 1, "whoever stands before it goes first");
    poison.answered();
    const { disconnects } = search(["f1"], new Set(["f1"]), poison);
    assert.equal(disconnects, 1);
    now = 2_000;
    assert.equal(search(["f1"], new Set(), poison).granted.size, 1);
    assert.equal(poison.hasAny, false);
  });

  it("are not suspected while nothing is asked for", () => {
    const poison = new PoisonFilters(1_000);
    assert.equal(poison.disconnected(), undefined);
    poison.ask(["f"]);
    poison.answered();
    assert.equal(poison.disconnected(), undefined);
    poison.ask(["f"]);
    poison.forgetQuestion();
    assert.equal(poison.disconnected(), undefined);
    assert.equal(poison.isSearching, false);
  });
});
