// A text from disk is what was written there under that key, or an error.
import assert from "node:assert/strict";
import fc from "fast-check";
import { isSealed, seal, unseal } from "../../nodes/outbox/seal";

describe("a seal", () => {
  it("gives back what was sealed under the same key, whatever it holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, key) => {
        assert.equal(unseal(key, seal(key, text)), text);
        assert.equal(isSealed(seal(key, text)), true);
      }),
    );
  });

  it("breaks under another key", () => {
    assert.throws(() => unseal("events/p/u/2-1", seal("events/p/u/1-1", "text")), SyntaxError);
  });

  it("breaks with any single bit of the text that changes", () => {
    const sealed = Buffer.from(seal("key", "1764260000000 1 20 0/p/u/d\n{}"));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => unseal("key", changed.toString()), SyntaxError, `bit ${bit}`);
    }
  });

  it("breaks when the text is cut off, or longer", () => {
    const sealed = seal("key", "some text");
    for (let length = 0; length < sealed.length; length += 1) {
      assert.throws(() => unseal("key", sealed.slice(0, length)), SyntaxError, String(length));
    }
    assert.throws(() => unseal("key", `${sealed}x`), SyntaxError);
  });

  it("is not on what version 0.1.0 wrote, which is taken as it is", () => {
    for (const text of ["102 103 105-111", "1", "1760000000001 1 20 0/p/u/d\n{}"]) {
      assert.equal(unseal("key", text), text);
      assert.equal(isSealed(text), false);
    }
  });
});
