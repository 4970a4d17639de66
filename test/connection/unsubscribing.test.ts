// Whether UNSUBSCRIBE is sent to a broker that may not bear it.
import { strict as assert } from "node:assert";
import { Unsubscribing } from "../../nodes/connection/unsubscribing";

describe("unsubscribing", () => {
  it("is given up after three connections in a row that ended over it", () => {
    const unsubscribing = new Unsubscribing();
    const seen: boolean[][] = [];
    for (const _ of [1, 2, 3]) {
      unsubscribing.ask();
      assert.equal(unsubscribing.disconnected(false), true);
      seen.push([unsubscribing.isSuspect, unsubscribing.isGivenUp]);
    }
    assert.deepEqual(seen, [
      [true, false],
      [true, false],
      [false, true],
    ]);
  });

  it("is not suspected of what ends without it, before it or after its answer, or for a reason that is known", () => {
    const unsubscribing = new Unsubscribing();
    assert.equal(unsubscribing.disconnected(false), false);
    unsubscribing.ask();
    assert.equal(unsubscribing.disconnected(true), false);
    unsubscribing.ask();
    unsubscribing.answered();
    assert.equal(unsubscribing.disconnected(false), false);
    assert.deepEqual([unsubscribing.isSuspect, unsubscribing.isGivenUp], [false, false]);
  });

  it("counts anew once it is answered", () => {
    const unsubscribing = new Unsubscribing();
    for (const _ of [1, 2]) {
      unsubscribing.ask();
      unsubscribing.disconnected(false);
    }
    unsubscribing.ask();
    unsubscribing.answered();
    assert.equal(unsubscribing.isSuspect, false);
    unsubscribing.ask();
    unsubscribing.disconnected(false);
    assert.equal(unsubscribing.isGivenUp, false);
  });
});
