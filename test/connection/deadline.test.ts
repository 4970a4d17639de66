// A deadline is missed once, and only when nothing came in time; however often it is begun, there is one timer.
import assert from "node:assert/strict";
import { Deadline } from "../../nodes/connection/deadline";

const MS = 20;

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

/** Resolves with the milliseconds until then. */
async function missed(deadline: Deadline): Promise<number> {
  const from = performance.now();
  await new Promise<void>((resolve) => deadline.begin(resolve));
  return performance.now() - from;
}

describe("deadline", () => {
  it("is missed when nothing comes, and not before", async () => {
    const deadline = new Deadline(MS);
    assert.ok((await missed(deadline)) >= MS - 1);
    assert.equal(deadline.isRunning, false);
  });

  it("is not missed once it is met, and the next has its whole time", async () => {
    const deadline = new Deadline(MS);
    let count = 0;
    deadline.begin(() => {
      count += 1;
    });
    deadline.met();
    // The timer of the first ends in the middle of the second.
    await missed(new Deadline(MS / 2));
    assert.ok((await missed(deadline)) >= MS - 1);
    assert.equal(count, 0);
  });

  it("begins anew when it is extended, and does not begin by that", async () => {
    const deadline = new Deadline(MS);
    const from = performance.now();
    const over = missed(deadline);
    await missed(new Deadline(MS / 2));
    deadline.extend();
    await over;
    assert.ok(performance.now() - from >= MS * 1.5 - 2);

    deadline.extend();
    assert.equal(deadline.isRunning, false);
  });

  it("has one timer, however often it is begun and met, and none after its end", () => {
    const before = timers();
    const deadline = new Deadline(60_000);
    for (let count = 0; count < 100; count += 1) {
      deadline.begin(() => undefined);
      deadline.met();
    }
    assert.equal(timers(), before + 1);
    deadline.end();
    assert.equal(timers(), before);
    assert.equal(deadline.isRunning, false);
  });
});
