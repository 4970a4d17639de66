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
  function use(): void {
    spend(1);
    time += 10;
    spend(AT_ONCE - 1);
  }

  it("lasts for so long, however many are done", () => {
    spend(1);
    time += 9;
    spend(9_999);
    ok(budget.isLeft);
    time += 1;
    spend(AT_ONCE - 1);
    ok(budget.isLeft);
    spend(1);
    ok(!budget.isLeft);
  });

  it("is whole again in the next turn, in which what wanted more goes on", async () => {
    use();
    ok(!budget.isLeft);
    await turn();
    ok(budget.isLeft);
    equal(goesOn, 1);
    spend(AT_ONCE);
    ok(budget.isLeft);
  });

  it("calls nobody who did not want more", async () => {
    use();
    await turn();
    equal(goesOn, 0);
  });

  it("calls nobody once it has ended, and is whole", async () => {
    use();
    ok(!budget.isLeft);
    budget.end();
    ok(budget.isLeft);
    await turn();
    equal(goesOn, 0);
  });
});
