// JSON that a person reads is broken into lines, and says exactly what was sent.
import assert from "node:assert/strict";
import fc from "fast-check";
import { prettyJson } from "../../nodes/editor/sidebar/json-text";

describe("JSON for a person to read", () => {
  it("has a line for each value, indented by how deep it is", () => {
    assert.equal(
      prettyJson('{"a":{"b":[1,true]},"c":"x"}'),
      '{\n  "a": {\n    "b": [\n      1,\n      true\n    ]\n  },\n  "c": "x"\n}',
    );
  });

  it("keeps each number as it was written, however long", () => {
    const text = '{"a":12345678901234567890,"b":1.50,"c":1e400}';
    assert.match(prettyJson(text), /: 12345678901234567890,\n.*: 1\.50,\n.*: 1e400\n/);
  });

  it("leaves alone what only looks like structure, in a text", () => {
    const text = JSON.stringify({ a: '{ "b": [1, 2] }, \\" x' });
    assert.equal(prettyJson(text), `{\n  ${text.slice(1, -1).replace(":", ": ")}\n}`);
  });

  it("shows an empty object or list on its line", () => {
    assert.equal(prettyJson('{"a":{ },"b":[]}'), '{\n  "a": {},\n  "b": []\n}');
  });

  it("shows what is no JSON as it is", () => {
    assert.equal(prettyJson('{"a": 1'), '{"a": 1');
    assert.equal(prettyJson(""), "");
  });

  it("is what JSON.stringify makes of any value that is written as JSON.stringify writes it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(prettyJson(JSON.stringify(value)), JSON.stringify(value, null, 2));
      }),
    );
  });
});
