// The time that a flow states, and numbers that plainly mean another.
import assert from "node:assert/strict";
import { observedTime } from "../../nodes/protocol/observed-time";
import { refuses } from "./failure";

const NOW = Date.UTC(2026, 10, 27, 12);
const DAY = 86_400_000;

describe("the time that a flow states", () => {
  for (const [what, value, time] of [
    ["milliseconds of today", NOW, "2026-11-27T12:00:00.000000Z"],
    ["the first millisecond of the year 2000", Date.UTC(2000), "2000-01-01T00:00:00.000000Z"],
    ["a day ahead", NOW + DAY, "2026-11-28T12:00:00.000000Z"],
    ["a Date", new Date(NOW), "2026-11-27T12:00:00.000000Z"],
    ["ISO text of long ago", "1970-01-20T20:14:10.400Z", "1970-01-20T20:14:10.400000Z"],
    ["ISO text of the far future", "2999-01-01T00:00:00Z", "2999-01-01T00:00:00.000000Z"],
  ] as const) {
    it(`may be ${what}`, () => assert.equal(observedTime(value, NOW), time));
  }

  for (const [what, value] of [
    ["a number", 1_714_550_400],
    ["a Date", new Date(1_714_550_400)],
  ] as const) {
    it(`is refused as seconds where ${what} of milliseconds would be in January 1970`, () => {
      refuses(() => observedTime(value, NOW), "TIME_SECONDS", {
        time: "1970-01-20T20:15:50.400000Z",
        meant: "2024-05-01T08:00:00.000000Z",
      });
    });
  }

  for (const [what, value] of [
    ["before 2000", Date.UTC(1999, 11, 31)],
    ["more than a day ahead", NOW + DAY + 1],
    ["microseconds", NOW * 10],
    ["zero", 0],
    ["negative", -5],
  ] as const) {
    it(`is refused where it is ${what}, and would be nothing as seconds either`, () => {
      refuses(() => observedTime(value, NOW), "TIME_UNLIKELY");
    });
  }

  it("is what the clock says on a machine that has not heard the time yet", () => {
    const start = 10_000;
    assert.equal(observedTime(start - 3, start), "1970-01-01T00:00:09.997000Z");
    assert.equal(observedTime(NOW, start), "2026-11-27T12:00:00.000000Z");
  });

  it("is an error of its own where it is none", () => {
    refuses(() => observedTime("yesterday", NOW), "TIME_INVALID");
    refuses(() => observedTime(Number.NaN, NOW), "TIME_INVALID");
    refuses(() => observedTime({}, NOW), "TIME_TYPE");
  });
});
