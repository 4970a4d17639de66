// Promises of what a flow gets of a received payload.
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodePayload } from "../../nodes/protocol/payload";
import type { Datatype } from "../../nodes/protocol/settings";
import { anyText } from "./arbitraries";
import { refuses } from "./failure";

describe("payload", () => {
  const NOT_UTF8 = Buffer.from([0xff, 0xfe, 0x00]);
  const DECODED: [Datatype, string, Buffer, unknown][] = [
    ["auto-detect", "an object", Buffer.from('{"a":[1]}'), { a: [1] }],
    ["auto-detect", "a number", Buffer.from("21.5"), 21.5],
    ["auto-detect", "true", Buffer.from("true"), true],
    ["auto-detect", "null", Buffer.from("null"), null],
    ["auto-detect", "text", Buffer.from("grüße"), "grüße"],
    ["auto-detect", "half of an object", Buffer.from('{"a":'), '{"a":'],
    ["auto-detect", "nothing", Buffer.alloc(0), ""],
    ["auto-detect", "bytes", NOT_UTF8, NOT_UTF8],
    ["json", "an object", Buffer.from(' {"a":"ü"} '), { a: "ü" }],
    ["json", "text in quotes", Buffer.from('"a"'), "a"],
    ["json", "null", Buffer.from("null"), null],
    ["utf8", "an object", Buffer.from('{"a":1}'), '{"a":1}'],
    ["utf8", "text", Buffer.from("grüße"), "grüße"],
    ["utf8", "bytes that are no text", Buffer.from([0x61, 0xff]), "a\ufffd"],
    ["buffer", "text", Buffer.from("a"), Buffer.from("a")],
    ["buffer", "bytes", NOT_UTF8, NOT_UTF8],
    ["base64", "text", Buffer.from("a"), "YQ=="],
    ["base64", "bytes", NOT_UTF8, "//4A"],
  ];
  for (const [datatype, what, bytes, expected] of DECODED) {
    it(`${datatype} of ${what} is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(decodePayload(bytes, datatype), expected);
    });
  }

  it("json refuses text that is none and quotes its start", () => {
    const error = refuses(() => decodePayload(Buffer.from("hello"), "json"), "PAYLOAD_NOT_JSON", {
      value: "hello",
    });
    assert.equal(error.cause instanceof SyntaxError, true);
    const long = Buffer.from("x".repeat(100_000));
    const { message } = refuses(() => decodePayload(long, "json"), "PAYLOAD_NOT_JSON");
    assert.ok(message.length < 200, message);
  });

  it("json refuses an empty payload", () => {
    refuses(() => decodePayload(Buffer.alloc(0), "json"), "PAYLOAD_NOT_JSON", { value: "" });
  });

  it("json refuses bytes that are not UTF-8", () => {
    refuses(() => decodePayload(NOT_UTF8, "json"), "PAYLOAD_NOT_UTF8");
    refuses(() => decodePayload(Buffer.from([0x22, 0xff, 0x22]), "json"), "PAYLOAD_NOT_UTF8");
  });

  it("auto-detect takes any bytes without an error and loses none of them", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (array) => {
        const bytes = Buffer.from(array);
        const payload = decodePayload(bytes, "auto-detect");
        if (Buffer.isBuffer(payload)) assert.equal(payload, bytes);
        else if (payload === bytes.toString()) assert.deepEqual(Buffer.from(payload), bytes);
        else assert.deepEqual(payload, JSON.parse(bytes.toString()));
      }),
    );
  });

  it("auto-detect and json give any JSON value back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        for (const datatype of ["auto-detect", "json"] as const) {
          assert.deepEqual(decodePayload(Buffer.from(json), datatype), JSON.parse(json));
        }
      }),
    );
  });

  it("keeps a byte order mark, as it keeps all of a text", () => {
    assert.equal(decodePayload(Buffer.from("\ufeffa"), "auto-detect"), "\ufeffa");
    assert.equal(decodePayload(Buffer.from("\ufeffa"), "utf8"), "\ufeffa");
  });

  it("utf8, buffer and base64 keep any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = Buffer.from(text);
        assert.equal(decodePayload(bytes, "utf8"), text.replace(/\p{Surrogate}/gu, "\ufffd"));
        assert.equal(decodePayload(bytes, "buffer"), bytes);
        assert.deepEqual(Buffer.from(String(decodePayload(bytes, "base64")), "base64"), bytes);
      }),
    );
  });
});
