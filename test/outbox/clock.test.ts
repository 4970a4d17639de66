// How far the wall clock was set is known to a few milliseconds; sleep, slewing and small steps are no steps.
import assert from "node:assert/strict";
import { once } from "node:events";
import fc from "fast-check";
import type { Clock, ClockStep } from "../../nodes/outbox/clock";
import { Machine } from "../support/machine";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function scene(wall?: string) {
  const machine = new Machine(wall);
  const clock = machine.startProcess();
  const steps: ClockStep[] = [];
  const unwatch = clock.watch((step) => steps.push(step));
  return { machine, clock, steps, unwatch };
}

/** `actual` is less than `expected`, by no more than a few milliseconds. */
function assertJustBelow(actual: number, expected: number): void {
  assert.ok(actual <= expected && actual >= expected - 4, `${actual} for ${expected}`);
}

function fromEra(clock: Clock, era: number): number {
  clock.now();
  return clock.shiftSince(era);
}

describe("the clock", () => {
  let unwatch = (): void => undefined;
  function made(wall?: string) {
    const all = scene(wall);
    unwatch = all.unwatch;
    return all;
  }
  afterEach(() => unwatch());

  it("shows the wall clock's time, and stays in one era while that runs on", () => {
    const { machine, clock, steps } = made();
    for (let hour = 0; hour < 100; hour += 1) {
      machine.wait(HOUR + 0.3);
      assert.equal(clock.now(), Math.floor(machine.wall));
    }
    assert.deepEqual({ era: clock.era, steps }, { era: 0, steps: [] });
    assert.equal(clock.shiftSince(0), 0);
  });

  it("set forward, begins a new era, and knows how far", () => {
    const { machine, clock } = made("1970-01-01T00:00:10Z");
    machine.wait(20 * SECOND);
    const before = machine.wall;
    machine.setClock("2026-03-04T05:06:07Z");
    assertJustBelow(fromEra(clock, 0), machine.wall - before);
    assert.equal(clock.era, 1);
    assert.equal(clock.shiftSince(1), 0);
  });

  it("set back, does so as well", () => {
    const { machine, clock } = made();
    machine.setClock(machine.wall - 5 * HOUR);
    assertJustBelow(fromEra(clock, 0), -5 * HOUR);
  });

  it("tells of a step once, from the time that it would have shown to the one that it shows", () => {
    const { machine, clock, steps } = made("1970-01-01T00:00:10Z");
    machine.wait(20 * SECOND);
    machine.setClock("2026-03-04T05:06:07Z");
    clock.now();
    machine.wait(HOUR);
    clock.now();
    assert.deepEqual(
      steps.map(({ from, to, isTold }) => [from, new Date(to).toISOString(), isTold]),
      [[30 * SECOND, "2026-03-04T05:06:07.000Z", false]],
    );
  });

  it("adds steps up, from any era on", () => {
    const { machine, clock } = made();
    for (const hours of [2, -5, 4]) {
      machine.setClock(machine.wall + hours * HOUR);
      clock.now();
      machine.wait(MINUTE);
    }
    const hours = [0, 1, 2, 3].map((era) => Math.round(clock.shiftSince(era) / HOUR));
    assert.deepEqual(hours, [1, -1, 4, 0]);
  });

  it("takes steps of less than a minute over without a word, however many", () => {
    const { machine, clock, steps } = made();
    for (let count = 0; count < 100; count += 1) {
      machine.wait(MINUTE);
      machine.setClock(machine.wall + 59 * SECOND);
      clock.now();
    }
    assert.deepEqual({ era: clock.era, steps }, { era: 0, steps: [] });
  });

  it("takes no sleep of the machine for a step, and a step in its sleep for no more than it is", () => {
    const { machine, clock, steps } = made();
    machine.sleep(8 * HOUR);
    clock.now();
    assert.deepEqual(steps, []);
    machine.sleep(8 * HOUR);
    machine.setClock(machine.wall + 2 * HOUR);
    assert.ok(Math.abs(fromEra(clock, 0) - 2 * HOUR) < 20);
  });

  it("knows a step after many short sleeps to the millisecond", () => {
    const { machine, clock } = made();
    for (let count = 0; count < 100; count += 1) {
      machine.wait(MINUTE);
      machine.sleep(4 * SECOND);
      clock.now();
    }
    machine.setClock(machine.wall + HOUR);
    assertJustBelow(fromEra(clock, 0), HOUR);
  });

  it("never takes a step for longer than it was, nor for much shorter", () => {
    const upTo = (most: number) =>
      fc.integer({ min: 0, max: most }).map((n) => n + (n % 1_000) / 1_000);
    const milliseconds = upTo(10_000);
    const step = upTo(60 * 365 * 24 * HOUR).map((n) => n + MINUTE + SECOND);
    fc.assert(
      fc.property(milliseconds, milliseconds, step, fc.boolean(), (wait, more, size, isBack) => {
        const { machine, clock, unwatch: end } = scene();
        machine.wait(wait);
        clock.now();
        machine.wait(more);
        const before = machine.wall;
        machine.setClock(isBack ? before - size : before + size);
        assertJustBelow(fromEra(clock, 0), machine.wall - before);
        end();
      }),
    );
  });

  it("is looked at every second while somebody wants to know, though no event comes", async () => {
    const machine = new Machine();
    const clock = machine.startProcess();
    const told = new EventTarget();
    unwatch = clock.watch(() => told.dispatchEvent(new Event("step")));
    machine.setClock(machine.wall + HOUR);
    await once(told, "step");
    assert.equal(clock.era, 1);
  });
});
