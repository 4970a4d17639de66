// Which text counts as a number: a JSON number that loses nothing when it becomes one.
import assert from "node:assert/strict";
import fc from "fast-check";
import { numberOfText } from "../../nodes/protocol/numeric-text";

describe("text that is a number", () => {
  const NUMBERS: [string, number][] = [
    ["0", 0],
    ["-0", 0],
    ["21.5", 21.5],
    ["-21.5", -21.5],
    ["21.50", 21.5],
    ["0.1", 0.1],
    ["1200", 1200],
    ["1e3", 1000],
    ["1.5E-3", 0.0015],
    ["1e+21", 1e21],
    ["100000000000000000000", 1e20],
    ["356938035643809", 356_938_035_643_809],
    ["0.000e5", 0],
    [" 21.5\r\n", 21.5],
    ["\t21.5", 21.5],
  ];
  for (const [text, number] of NUMBERS) {
    it(`${JSON.stringify(text)} is ${number}`, () => assert.ok(numberOfText(text) === number));
  }

  const TEXTS: Record<string, string[]> = {
    "is no JSON number": ["007", "+5", ".5", "5.", "21,5", "0x1F", "1_000", "1e", "--1", "5 5"],
    "is a word": ["", " ", "NaN", "Infinity", "true", "null", "21.5 °C", '"21.5"', "[1]"],
    "has white space around it that JSON does not know": ["\u00a021.5", "21.5\f", "\ufeff21.5"],
    "has more digits than a number keeps": [
      "356938035643809123",
      "9007199254740993",
      "0.1000000000000000055511151231257827",
    ],
    "is out of range": ["1e999", "-1e999", "1e-999"],
  };
  for (const [what, texts] of Object.entries(TEXTS)) {
    for (const text of texts) {
      it(`${JSON.stringify(text)} stays text: it ${what}`, () =>
        assert.equal(numberOfText(text), undefined));
    }
  }

  it("is every number as JSON writes it", () => {
    const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(finite, (number) => {
        assert.ok(numberOfText(JSON.stringify(number)) === number);
      }),
    );
  });

  it("is nothing that JSON reads otherwise", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[-+.0-9eE ]{1,8}$/), (text) => {
        const number = numberOfText(text);
        fc.pre(number !== undefined);
        assert.ok(JSON.parse(text) === number);
      }),
    );
  });

  it("is looked at in a time that grows with its length, however long", () => {
    const digits = "1".repeat(60_000);
    assert.equal(numberOfText(digits), undefined);
    assert.equal(numberOfText(`${" ".repeat(60_000)}x`), undefined);
  });
});
