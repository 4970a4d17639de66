// Promises of the error type and of the catalogue that has its words.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import catalogue from "../../nodes/locales/en-US/m1-connection.json";
import { parseBrokerUrl, parseFallbackUrls } from "../../nodes/protocol/broker-url";
import { checkApiKey, checkClientId } from "../../nodes/protocol/credentials";
import {
  type ErrorCode,
  type ErrorDetails,
  excerpt,
  fillTemplate,
  M1Error,
  quoted,
} from "../../nodes/protocol/errors";
import { decodeEvent, encodeEvent, shapeEvent } from "../../nodes/protocol/event";
import { observedTime } from "../../nodes/protocol/observed-time";
import { decodePayload } from "../../nodes/protocol/payload";
import { outboxLimit, outboxMaxAge, qos, updateType } from "../../nodes/protocol/settings";
import { refuseSpaceAround } from "../../nodes/protocol/space-around";
import { timestamp } from "../../nodes/protocol/timestamp";
import { topicLevel } from "../../nodes/protocol/topic-level";
import { eventTopic } from "../../nodes/protocol/topics";
import { failure } from "./failure";

const TEXTS: Readonly<Record<string, string>> = catalogue.errors;

function placeholders(text: string): string[] {
  return [...text.matchAll(/__(\w+?)__/g)].map((match) => match[1] ?? "");
}

describe("M1Error", () => {
  const error = new M1Error("LEVEL_EMPTY", { field: "deviceId" });

  it("is an Error with a code and details", () => {
    assert.equal(error instanceof Error, true);
    assert.equal(error.name, "M1Error");
    assert.equal(error.code, "LEVEL_EMPTY");
    assert.deepEqual(error.details, { field: "deviceId" });
  });

  it("says it in English, its field in plain words", () => {
    assert.equal(error.message, "The device ID is missing");
  });

  it("is its message alone as text, which is what Catch nodes show", () => {
    assert.equal(String(error), "The device ID is missing");
    assert.equal(`${error}`, error.message);
  });

  it("has no details unless it is given some", () => {
    assert.deepEqual(new M1Error("TAG_EMPTY").details, {});
  });

  it("keeps its cause", () => {
    const cause = new Error("below");
    assert.equal(new M1Error("TAG_EMPTY", {}, { cause }).cause, cause);
    assert.equal("cause" in new M1Error("TAG_EMPTY"), false);
  });

  it("leaves a field that has no plain words as it is", () => {
    const unknown = new M1Error("LEVEL_EMPTY", { field: "toString" });
    assert.equal(unknown.message, "The toString is missing");
  });
});

describe("fillIn", () => {
  const FILLED: [string, Record<string, string | number>, string][] = [
    ["__a__ and __b__", { a: 1, b: "two" }, "1 and two"],
    ["__a__, __a__", { a: "x" }, "x, x"],
    ["__a____b__", { a: 1, b: 2 }, "12"],
    ["__long_name__", { long_name: "x" }, "x"],
    ["__a__", {}, "__a__"],
    ["__toString__", {}, "__toString__"],
    ["__a__", { a: "$& $1 __b__", b: 2 }, "$& $1 __b__"],
    ["nothing", { a: 1 }, "nothing"],
  ];
  for (const [template, details, expected] of FILLED) {
    it(`makes ${expected} of ${template}`, () =>
      assert.equal(fillTemplate(template, details), expected));
  }
});

describe("quoted", () => {
  const SHOWN: [unknown, ErrorDetails][] = [
    ["text", { value: "text" }],
    ["", { kind: "empty" }],
    ["x".repeat(61), { value: `${"x".repeat(60)}…` }],
    [5, { value: "5" }],
    [Number.NaN, { value: "NaN" }],
    [null, { value: "null" }],
    [undefined, { value: "undefined" }],
    [true, { value: "true" }],
    [1n, { value: "1" }],
    [Symbol("s"), { value: "Symbol(s)" }],
    [{ secret: 1 }, { kind: "object" }],
    [Object.create(null), { kind: "object" }],
    [["secret"], { kind: "array" }],
    [() => "secret", { kind: "function" }],
  ];
  for (const [value, expected] of SHOWN) {
    it(`gives ${JSON.stringify(expected)}`, () => assert.deepEqual(quoted(value), expected));
  }

  it("is put into words by an error", () => {
    const error = new M1Error("ENVELOPE_STREAM", quoted([1]));
    assert.equal(error.message, "stream must be text that is not empty, not an array");
  });
});

describe("excerpt", () => {
  it("has at most 60 characters, and a mark that there are more", () => {
    assert.equal(excerpt("x".repeat(60)), "x".repeat(60));
    assert.equal(excerpt("x".repeat(61)), `${"x".repeat(60)}…`);
    assert.equal(excerpt("abcd", 3), "abc…");
  });

  it("does not cut a character in two", () => {
    assert.equal(excerpt("ab\u{1f600}", 3), "ab…");
    assert.equal(excerpt("ab\u{1f600}", 4), "ab\u{1f600}");
  });
});

describe("catalogue", () => {
  for (const [code, text] of Object.entries(TEXTS)) {
    it(`has words for ${code} that are whole when filled in`, () => {
      assert.match(code, /^[A-Z][A-Z0-9_]*$/);
      assert.match(text, /^\w.{9}/);
      const details = Object.fromEntries(placeholders(text).map((name) => [name, "filled"]));
      assert.doesNotMatch(fillTemplate(text, details), /__/);
    });
  }

  for (const [field, words] of Object.entries(catalogue.fields)) {
    it(`has words for the field ${field}`, () => assert.match(words, /^\w.+/));
  }

  it("calls no field by a code's placeholder syntax", () => {
    for (const words of Object.values(catalogue.fields)) assert.doesNotMatch(words, /__/);
  });
});

describe("every error of the protocol", () => {
  const bytes = (text: string) => Buffer.from(text);
  const decode = (text: string) => decodeEvent(bytes(text));
  const circle: unknown[] = [];
  circle.push(circle);
  let deep: unknown = 1;
  for (let level = 0; level < 300; level += 1) deep = [deep];

  const THROWN: Partial<Record<ErrorCode, () => unknown>> = {
    LEVEL_MISSING: () => topicLevel(undefined, "deviceId"),
    LEVEL_TYPE: () => topicLevel({}, "deviceId"),
    LEVEL_EMPTY: () => topicLevel("", "deviceId"),
    LEVEL_RESERVED: () => topicLevel("_all", "deviceId"),
    LEVEL_CHARACTER: () => topicLevel("#", "deviceId"),
    SPACE_BEFORE: () => refuseSpaceAround(" k", "apiKey"),
    SPACE_AFTER: () => refuseSpaceAround("k ", "apiKey"),
    TOPIC_TOO_LONG: () => eventTopic({ projectMqtt: "p", userMqtt: "u" }, "d".repeat(65_536)),
    TAG_EMPTY: () => shapeEvent(1, ""),
    DATA_MISSING: () => shapeEvent(null, "v"),
    DATA_UNSUPPORTED: () => shapeEvent(1n, "v"),
    DATA_CIRCULAR: () => shapeEvent(circle, "v"),
    DATA_TOO_DEEP: () => shapeEvent(deep, "v"),
    DATA_UNREADABLE: () => shapeEvent({ toJSON: () => decodeURI("%") }, "v"),
    DATA_NOT_UTF8: () => decodeEvent(Buffer.from([0xff])),
    DATA_NOT_JSON: () => decode("x"),
    EVENT_TOO_LONG: () => encodeEvent({ eventData: { a: " ".repeat(65_536) } }, {}),
    ENVELOPE_NOT_OBJECT: () => decode("[]"),
    ENVELOPE_KEY: () => decode('{"a":1}'),
    ENVELOPE_EVENT_DATA: () => decode("{}"),
    ENVELOPE_STREAM: () => decode('{"event_data":{},"stream":1}'),
    ENVELOPE_ADD_CLIENT_IP: () => decode('{"event_data":{},"add_client_ip":1}'),
    TIME_TYPE: () => timestamp({}),
    TIME_NO_ZONE: () => timestamp("2001-01-01T00:10:10"),
    TIME_INVALID: () => timestamp("yesterday"),
    TIME_RANGE: () => timestamp(1e15),
    TIME_SECONDS: () => observedTime(1_714_550_400),
    TIME_UNLIKELY: () => observedTime(0),
    TIME_NOT_MICROSECONDS: () => decode('{"event_data":{},"observed_at":1}'),
    CREDENTIAL_MISSING: () => checkApiKey(""),
    API_KEY_SLASH: () => checkApiKey("/"),
    CLIENT_ID_TOO_LONG: () => checkClientId("c".repeat(33)),
    CLIENT_ID_CHARACTER: () => checkClientId("ü"),
    URL_MISSING: () => parseBrokerUrl(""),
    URL_SYNTAX: () => parseBrokerUrl("h"),
    URL_SCHEME: () => parseBrokerUrl("http://h"),
    URL_SECRET: () => parseBrokerUrl("mqtt://a@h"),
    URL_HOST: () => parseBrokerUrl("mqtt://"),
    URL_PORT: () => parseBrokerUrl("mqtt://h:0"),
    URL_PATH: () => parseBrokerUrl("mqtt://h/x"),
    FALLBACK_URLS: () => parseFallbackUrls("mqtt://h"),
    FALLBACK_URL: () => parseFallbackUrls(["", "h"]),
    SETTING_CHOICE: () => qos("3"),
    SETTING_NUMBER: () => outboxMaxAge("0"),
    SETTING_RANGE: () => outboxLimit("0"),
    UPDATE_TYPE: () => updateType("#"),
    PAYLOAD_NOT_JSON: () => decodePayload(bytes("x"), "json"),
    PAYLOAD_NOT_UTF8: () => decodePayload(Buffer.from([0xff]), "json"),
  };

  for (const [code, action] of Object.entries(THROWN)) {
    it(`${code} gives exactly the details that its words need`, () => {
      const error = failure(action);
      assert.equal(error.code, code);
      const needed = [...new Set(placeholders(TEXTS[code] ?? ""))].sort();
      // A kind of value, or an inner error with its own details, is put into words where a text would stand.
      const inner = TEXTS[error.details.because ?? ""] ?? "";
      const given = Object.keys(error.details)
        .filter((name) => !placeholders(inner).includes(name))
        .map((name) => (name === "kind" ? "value" : name === "because" ? "reason" : name));
      assert.deepEqual(given.sort(), needed);
      assert.doesNotMatch(error.message, /__|undefined|\[object/);
    });
  }

  it("is in the list above", () => {
    const folder = path.join(__dirname, "../../nodes/protocol");
    const sources = readdirSync(folder).map((file) =>
      readFileSync(path.join(folder, file), "utf8"),
    );
    const codes = sources.flatMap((source) =>
      [...source.matchAll(/new M1Error\(\s*"(\w+)"/g)].map((match) => match[1] ?? ""),
    );
    assert.deepEqual([...new Set(codes)].sort(), Object.keys(THROWN).sort());
  });
});
