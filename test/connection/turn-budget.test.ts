// How much is done in one turn of the event loop, and that the rest goes on in the next.
import { equal, ok } from "node:assert/strict";
import { TurnBudget } from "../../nodes/connection/turn-budget";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a budget for a turn of the event loop", () => {
  let goesOn: number;
  let budget: TurnBudget;
  beforeEach(() => {
    goesOn = 0;
    budget = new TurnBudget(2, () => {
      goesOn += 1;
    });
  });
  function spend(count: number): void {
    for (let n = 0; n < count; n += 1) budget.spend();
  }

  it("lasts for so many", () => {
    spend(1);
    ok(budget.isLeft);
    spend(1);
    ok(!budget.isLeft);
  });

  it("is whole again in the next turn, in which what wanted more goes on", async () => {
    spend(2);
    ok(!budget.isLeft);
    await turn();
    ok(budget.isLeft);
    equal(goesOn, 1);
  });

  it("calls nobody who did not want more", async () => {
    spend(2);
    await turn();
    equal(goesOn, 0);
  });

  it("calls nobody once it has ended, and is whole", async () => {
    spend(2);
    ok(!budget.isLeft);
    budget.end();
    ok(budget.isLeft);
    await turn();
    equal(goesOn, 0);
  });
});
