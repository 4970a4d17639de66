// White space around a value is named: where it is, and what it is.
import assert from "node:assert/strict";
import { refuseSpaceAround, spaceAround } from "../../nodes/protocol/space-around";
import { refuses } from "./failure";

describe("white space around a value", () => {
  const FOUND: [string, string][] = [
    [" pump", "The device ID begins with a space"],
    ["pump ", "The device ID ends with a space"],
    [" pump ", "The device ID begins with a space"],
    ["pump\r", "The device ID ends with a line break"],
    ["\npump", "The device ID begins with a line break"],
    ["pump\t", "The device ID ends with white space"],
    ["\u00a0pump", "The device ID begins with white space"],
    [" ", "The device ID begins with a space"],
  ];
  for (const [text, words] of FOUND) {
    it(`${JSON.stringify(text)}: ${words}`, () => {
      assert.equal(spaceAround(text, "deviceId")?.message, words);
    });
  }

  it("is not there in a blank text, or inside one", () => {
    assert.equal(spaceAround("", "deviceId"), undefined);
    assert.equal(spaceAround("pump 3", "deviceId"), undefined);
  });

  it("is refused on request", () => {
    const details = { field: "apiKey", kind: "space" };
    refuses(() => refuseSpaceAround(" KEY", "apiKey"), "SPACE_BEFORE", details);
    refuses(() => refuseSpaceAround("KEY ", "apiKey"), "SPACE_AFTER", details);
    assert.doesNotThrow(() => refuseSpaceAround("KEY", "apiKey"));
  });
});
