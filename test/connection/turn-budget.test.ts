// How much is done in one turn of the event loop, and that the rest goes on in the next.
import { equal, ok } from "node:assert/strict";
import { AT_ONCE, TurnBudget } from "../../nodes/connection/turn-budget";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a budget for a turn of the event loop", () => {
  let goesOn: number;
  let budget: TurnBudget;
  let time: number;
  beforeEach(() => {
    goesOn = 0;
    time = 1_000;
    const goOn = () => {
      goesOn += 1;
    };
    budget = new TurnBudget(10, goOn, () => time);
  });
  function spend(count: number): void {
    for (let n = 0; n < count; n += 1) budget.spend();
  }
  /** Takes so many milliseconds for one. */
  function use(milliseconds: number): void {
    budget.resume();
    spend(1);
    time += milliseconds;
    budget.pause();
  }

  it("lasts for so long, however many are done, and the clock is looked at now and then", () => {
    budget.resume();
    time += 9;
    spend(9_999);
    ok(budget.isLeft);
    time += 1;
    ok(budget.isLeft);
    spend(1);
    ok(!budget.isLeft);
    spend(AT_ONCE);
    ok(!budget.isLeft);
  });

  it("counts no time that others take in between", () => {
    for (let n = 0; n < 9; n += 1) {
      use(1);
      time += 1_000;
    }
    ok(budget.isLeft);
    use(1);
    ok(!budget.isLeft);
  });

  it("counts no time in which nothing was done", async () => {
    for (let n = 0; n < 10; n += 1) {
      budget.resume();
      time += 1;
      budget.pause();
      await turn();
    }
    ok(budget.isLeft);
  });

  it("is whole again in the next turn, in which what wanted more goes on", async () => {
    use(10);
    ok(!budget.isLeft);
    await turn();
    ok(budget.isLeft);
    equal(goesOn, 1);
    use(9);
    ok(budget.isLeft);
  });

  it("calls nobody who did not want more", async () => {
    use(10);
    await turn();
    equal(goesOn, 0);
  });

  it("calls nobody once it has ended, and is whole", async () => {
    use(10);
    ok(!budget.isLeft);
    budget.end();
    ok(budget.isLeft);
    await turn();
    equal(goesOn, 0);
  });
});
