// Where a payload stops being JSON (sandbox/console/json-fault.ts).
import { strict as assert } from "node:assert";
import fc from "fast-check";
import { jsonFault } from "../../sandbox/console/json-fault";

const VALUE = "a value (text in double quotes, a number, true, false, null, { or [)";

describe("console: what is wrong with JSON", () => {
  for (const [text, words] of [
    ["", `Line 1, column 1: it ends where there should be ${VALUE}`],
    ["hello", `Line 1, column 1: hello stands where there should be ${VALUE}`],
    ['{"fan": off}', `Line 1, column 9: off stands where there should be ${VALUE}`],
    ["{fan:1}", "Line 1, column 2: fan stands where there should be a name in double quotes, or }"],
    ['{"a":1,}', "Line 1, column 8: } stands where there should be a name in double quotes"],
    ['{"a":1\n  "b":2}', 'Line 2, column 3: " stands where there should be , or }'],
    ['{"a" 1}', "Line 1, column 6: 1 stands where there should be : after the name"],
    ["[1, 2", "Line 1, column 6: it ends where there should be , or ]"],
    ["[1,]", `Line 1, column 4: ] stands where there should be ${VALUE}`],
    ["[1] 2", "Line 1, column 5: 2 stands where there should be the end"],
    ["007", `Line 1, column 1: 007 stands where there should be ${VALUE}`],
    ["{'a':1}", "Line 1, column 2: ' stands where there should be a name in double quotes, or }"],
    [
      '["a\nb"]',
      "Line 1, column 2: text that begins here does not end, or has a line break or a \\ that JSON does not know",
    ],
  ] as const) {
    it(`says of ${JSON.stringify(text)}: ${words}`, () => {
      assert.equal(jsonFault(text), words);
    });
  }

  it("finds nothing wrong with JSON, and something with all that is none", () => {
    const broken = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom("", ",", "}", '"', "\\", "x", "\u0001"),
      )
      .map(([json, at, length, instead]) => {
        const from = at % (json.length + 1);
        return json.slice(0, from) + instead + json.slice(from + length);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), broken), (text) => {
        const words = jsonFault(text);
        assert.equal(words === undefined, isJson(text));
        // The end is what JSON has there.
        assert.doesNotMatch(words ?? "", /it ends where there should be the end/);
      }),
      { numRuns: 2000 },
    );
  });

  it("finds what is wrong however deep it is", () => {
    const depth = 100_000;
    const words = `Line 1, column ${depth + 1}: it ends where there should be ${VALUE}, or ]`;
    assert.equal(jsonFault("[".repeat(depth)), words);
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
