// Where a `${NAME}` counts as a reference, and what is put in its place.
import assert from "node:assert/strict";
import { envReference, replaceReferences } from "../../nodes/runtime/env-reference";

const NAMED: Record<string, unknown> = { HOST: "m1.example.com", PORT: 1883, ON: true, BLANK: "" };
const lookUp = (name: string) => NAMED[name];

/** As it is written, without this file's own template strings. */
const dollar = (text: string) => text.replaceAll("<", "$" + "{").replaceAll(">", "}");

describe("a reference to a variable", () => {
  const REPLACED: [string, string, string][] = [
    ["url", "<HOST>", "m1.example.com"],
    ["url", "mqtt://<HOST>:<PORT>", "mqtt://m1.example.com:1883"],
    ["deviceId", "pump-<PORT>-<PORT>", "pump-1883-1883"],
    ["deviceId", "a<BLANK>b", "ab"],
    ["broadcast", "<ON>", "true"],
    ["deviceId", "<HOST", "<HOST"],
    ["deviceId", "< HOST>", "< HOST>"],
    ["deviceId", "<>", "<>"],
    ["url", "mqtt://<UNSET>:<PORT>", "mqtt://<UNSET>:1883"],
    ["apiKey", "<HOST>", "m1.example.com"],
    ["apiKey", "a<HOST>", "a<HOST>"],
    ["userPassword", "<HOST> ", "<HOST> "],
    ["userPassword", "<HOST><PORT>", "<HOST><PORT>"],
    ["eventData", '{"host":"<HOST>"}', '{"host":"<HOST>"}'],
  ];
  for (const [field, text, expected] of REPLACED) {
    it(`makes ${dollar(expected)} of ${dollar(text)} as ${field}`, () => {
      assert.equal(replaceReferences(dollar(text), field, lookUp), dollar(expected));
    });
  }

  it("is replaced in each text of a list", () => {
    const groups = ["north", dollar("<HOST>-1"), 5];
    assert.deepEqual(replaceReferences(groups, "groups", lookUp), ["north", "m1.example.com-1", 5]);
  });

  it("leaves alone what is no text", () => {
    for (const value of [5, true, null, undefined]) {
      assert.equal(replaceReferences(value, "qos", lookUp), value);
    }
  });

  it("puts in what the variable holds as it is", () => {
    const odd = () => "$& $1 $$";
    assert.equal(replaceReferences(dollar("a<X>"), "tag", odd), "a$& $1 $$");
  });

  it("is named, the first of several", () => {
    assert.equal(envReference(dollar("mqtt://<HOST>:<PORT>"), "url"), "HOST");
    assert.equal(envReference(dollar("<HOST><PORT>"), "deviceId"), "HOST");
    assert.equal(envReference(dollar("<HOST>"), "apiKey"), "HOST");
    assert.equal(envReference(dollar("x<HOST>"), "apiKey"), undefined);
    assert.equal(envReference("HOST", "url"), undefined);
    assert.equal(envReference(5, "url"), undefined);
  });
});
