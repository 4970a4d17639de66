// Promises of topic levels (wire-contract: Identifiers).
import assert from "node:assert/strict";
import fc from "fast-check";
import type { FieldName } from "../../nodes/protocol/errors";
import { topicLevel } from "../../nodes/protocol/topic-level";
import { anyText, anything, level } from "./arbitraries";
import { isAccepted, refuses } from "./failure";

/** The contract's words, character by character: the code under test has them as one pattern. */
function isAllowed(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code >= 0x20 && code <= 0x7e && !"#+/".includes(character);
}

describe("topic level", () => {
  const FIELDS: FieldName[] = ["projectMqtt", "userMqtt", "deviceId", "groupId"];
  for (const field of FIELDS) {
    it(`is the same rule for ${field}`, () => {
      assert.equal(topicLevel("Ab 1", field), "Ab 1");
      refuses(() => topicLevel("a/b", field), "LEVEL_CHARACTER", { field, position: 2 });
    });
  }

  describe("accepts", () => {
    const ACCEPTED: [string, unknown, string][] = [
      ["text", "abc", "abc"],
      ["upper and lower case, and keeps it", "aBc", "aBc"],
      ["a space", "living room", "living room"],
      ["a space alone", " ", " "],
      ["the last printable character", "~", "~"],
      ["$, which only begins a topic of the broker's", "$SYS", "$SYS"],
      ["a name that only begins like the reserved one", "_all_", "_all_"],
      ["a whole number", 17, "17"],
      ["a number with decimals", 1.5, "1.5"],
      ["a negative number", -3, "-3"],
      ["zero", 0, "0"],
    ];
    for (const [what, value, expected] of ACCEPTED) {
      it(what, () => assert.equal(topicLevel(value, "deviceId"), expected));
    }

    it("every printable ASCII character except #, + and /, and no other up to U+00FF", () => {
      for (let code = 0; code <= 0xff; code += 1) {
        const character = String.fromCharCode(code);
        assert.equal(
          isAccepted(() => topicLevel(`a${character}`, "userMqtt")),
          isAllowed(character),
          `U+${code.toString(16)}`,
        );
      }
    });
  });

  describe("names the first character that is not allowed and its position", () => {
    const REFUSED: [string, string, number][] = [
      ["a#b", '"#"', 2],
      ["+", '"+"', 1],
      ["a/b/c", '"/"', 2],
      ["room+#", '"+"', 5],
      ["\0", "U+0000", 1],
      ["tab\t", "U+0009", 4],
      ["line\n", "U+000A", 5],
      ["\x1f", "U+001F", 1],
      ["del\x7f", "U+007F", 4],
      ["\x80", "U+0080", 1],
      ["no\u00a0break", "U+00A0", 3],
      ["\u200bhidden", "U+200B", 1],
      ["\u2028", "U+2028", 1],
      ["Büro", '"ü" (U+00FC)', 2],
      ["a\u{1f600}/", '"\u{1f600}" (U+1F600)', 2],
      ["half \ud83d", "U+D83D", 6],
    ];
    for (const [value, character, position] of REFUSED) {
      it(`${JSON.stringify(value)}: ${character} at ${position}`, () => {
        const error = refuses(() => topicLevel(value, "deviceId"), "LEVEL_CHARACTER", {
          field: "deviceId",
          character,
          position,
        });
        assert.ok(error.message.includes(`${character} as character ${position}`), error.message);
      });
    }

    it("counts characters, not halves of them", () => {
      refuses(() => topicLevel("\u{1f600}", "userMqtt"), "LEVEL_CHARACTER", { position: 1 });
      refuses(() => topicLevel("é\u{1f600}", "userMqtt"), "LEVEL_CHARACTER", { position: 1 });
    });

    it("in the digits of a number too", () => {
      refuses(() => topicLevel(1e21, "deviceId"), "LEVEL_CHARACTER", {
        character: '"+"',
        position: 3,
      });
    });

    it("for any string that is not a level", () => {
      fc.assert(
        fc.property(anyText, (text) => {
          fc.pre(text !== "");
          const characters = [...text];
          const first = characters.findIndex((character) => !isAllowed(character));
          if (first < 0) {
            assert.equal(topicLevel(text, "userMqtt"), text);
            return;
          }
          const error = refuses(() => topicLevel(text, "userMqtt"), "LEVEL_CHARACTER", {
            position: first + 1,
          });
          const offender = characters[first] ?? "";
          const hex = (offender.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
          const named = String(error.details.character);
          assert.ok(named === `"${offender}"` || named.includes(`U+${hex}`), named);
        }),
      );
    });
  });

  it("is any string of allowed characters", () => {
    fc.assert(fc.property(level, (text) => assert.equal(topicLevel(text, "deviceId"), text)));
  });

  describe("refuses", () => {
    const MISSING: [string, unknown][] = [
      ["undefined", undefined],
      ["null", null],
    ];
    for (const [what, value] of MISSING) {
      it(`${what} as missing`, () => {
        refuses(() => topicLevel(value, "groupId"), "LEVEL_MISSING", { field: "groupId" });
      });
    }

    const TYPES: [string, unknown, string][] = [
      ["a boolean", true, "boolean"],
      ["an object", {}, "object"],
      ["an array, even of one text", ["a"], "array"],
      ["a function", () => "a", "function"],
      ["a BigInt", 1n, "bigint"],
      ["a symbol", Symbol("a"), "symbol"],
      ["NaN by its name", Number.NaN, "NaN"],
      ["Infinity by its name", Number.POSITIVE_INFINITY, "Infinity"],
    ];
    for (const [what, value, type] of TYPES) {
      it(`${what} for its type`, () => {
        refuses(() => topicLevel(value, "deviceId"), "LEVEL_TYPE", { field: "deviceId", type });
      });
    }

    it("zero length", () => {
      refuses(() => topicLevel("", "deviceId"), "LEVEL_EMPTY", { field: "deviceId" });
      refuses(() => topicLevel("", "deviceId", { emptyAllowed: false }), "LEVEL_EMPTY");
    });

    it("_all as the name of a device or a group, but not of a project or a user", () => {
      refuses(() => topicLevel("_all", "deviceId"), "LEVEL_RESERVED", { level: "_all" });
      refuses(() => topicLevel("_all", "groupId"), "LEVEL_RESERVED", { field: "groupId" });
      assert.equal(topicLevel("_all", "projectMqtt"), "_all");
      assert.equal(topicLevel("_all", "userMqtt"), "_all");
    });

    it("with an M1Error, whatever the value is", () => {
      fc.assert(
        fc.property(anything, (value) => {
          isAccepted(() => topicLevel(value, "deviceId"));
        }),
      );
    });
  });

  it("may be empty where the rule says so, which relaxes nothing else", () => {
    const rule = { emptyAllowed: true };
    assert.equal(topicLevel("", "deviceId", rule), "");
    assert.equal(topicLevel(7, "deviceId", rule), "7");
    refuses(() => topicLevel("/", "deviceId", rule), "LEVEL_CHARACTER");
    refuses(() => topicLevel(null, "deviceId", rule), "LEVEL_MISSING");
    refuses(() => topicLevel("_all", "deviceId", rule), "LEVEL_RESERVED");
  });
});
