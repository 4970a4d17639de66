// Numbers as the console shows them (sandbox/http/console/short-number.ts).
import { strict as assert } from "node:assert";
import { shortNumber } from "../../../../sandbox/http/console/short-number";

describe("sandbox: short numbers", () => {
  for (const [value, shown] of [
    [15.000048967246482, 15],
    [21.5, 21.5],
    [-0.1234567, -0.123457],
    [1234567.8, 1234568],
    [1234567, 1234567],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    [1e300, 1e300],
    [1.23456789e-9, 1.23457e-9],
  ] as const) {
    it(`shows ${value} as ${shown}`, () => {
      assert.equal(shortNumber(value), shown);
    });
  }
});
