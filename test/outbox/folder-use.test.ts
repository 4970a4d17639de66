// A folder is open once in a process: who comes later waits, but not for ever.
import { deepEqual, equal } from "node:assert/strict";
import { isAwaited, isTaken, takeFolder } from "../../nodes/outbox/folder-use";

describe("a folder", () => {
  it("is had by one after the other", async () => {
    const order: string[] = [];
    const first = await takeFolder("a");
    const second = takeFolder("a").then((release) => {
      order.push("second");
      return release;
    });
    equal(isAwaited("a"), true);
    order.push("first ends");
    first();
    (await second)();
    deepEqual(order, ["first ends", "second"]);
    deepEqual([isTaken("a"), isAwaited("a")], [false, false]);
  });

  it("is no matter of another one", async () => {
    const release = await takeFolder("a");
    (await takeFolder("b"))();
    release();
  });

  it("that nobody lets go of is waited for until patience ends", async () => {
    const first = await takeFolder("a");
    const second = await takeFolder("a", 20);
    equal(isAwaited("a"), false);
    first();
    equal(isTaken("a"), true, "the first has no more say in it");
    second();
    equal(isTaken("a"), false);
  });
});
