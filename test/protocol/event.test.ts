// Promises of events: shaped from what a flow holds, encoded, and read back strictly
// (wire-contract: Event payload).
import assert from "node:assert/strict";
import vm from "node:vm";
import fc from "fast-check";
import type { ErrorCode, ErrorDetails } from "../../nodes/protocol/errors";
import {
  decodeEvent,
  type EventAttributes,
  encodeEvent,
  LONGEST_EVENT,
  type ReceivedEvent,
  type ShapedEvent,
  shapeEvent,
} from "../../nodes/protocol/event";
import { anyText, anything } from "./arbitraries";
import { failure, refuses } from "./failure";

const TIME = "2001-01-01T00:10:10.000000Z";
const UNSTATED = { observedAt: undefined, stream: undefined, addClientIp: undefined };

/** What `event_data` becomes under the tag `value`. */
function shaped(data: unknown): unknown {
  return JSON.parse(JSON.stringify(shapeEvent(data, "value").eventData));
}

/** The same as a Function node makes it: in a realm of its own. */
function foreign(source: string): unknown {
  return vm.runInNewContext(`(${source})`);
}

/** The event, or what the M1Error says. */
function verdict(shape: () => ShapedEvent): unknown {
  try {
    return shape();
  } catch (error) {
    return String(error);
  }
}

function received(json: string): ReceivedEvent {
  return decodeEvent(Buffer.from(json));
}

describe("shaping", () => {
  describe("an object is the event data", () => {
    const OBJECTS: [string, unknown, unknown][] = [
      ["of tags", { hello: "world" }, { hello: "world" }],
      ["that nests", { a: { b: [1, { c: true }] } }, { a: { b: [1, { c: true }] } }],
      ["without a tag", {}, {}],
      ["without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
      [
        "of a class",
        new (class Reading {
          celsius = 21;
        })(),
        { celsius: 21 },
      ],
      ["of a Function node", foreign("{ a: 1, b: [1, 2] }"), { a: 1, b: [1, 2] }],
      ["with odd keys", { "": 1, "a b": 2, ü: 3 }, { "": 1, "a b": 2, ü: 3 }],
      ["with a key named __proto__", JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
      ["with a geo point", { at: "-48.8577 002.295" }, { at: "-48.8577 002.295" }],
      ["with halves of surrogate pairs", { half: "\ud83d" }, { half: "\ud83d" }],
      ["that says how it is JSON", { toJSON: () => ({ a: 1 }) }, { a: 1 }],
      [
        "of a Function node that calls itself a Date",
        foreign("{ [Symbol.toStringTag]: 'Date', a: 1 }"),
        { a: 1 },
      ],
      ["that calls itself a Date", { [Symbol.toStringTag]: "Date", a: 1 }, { a: 1 }],
    ];
    for (const [what, data, expected] of OBJECTS) {
      it(what, () => assert.deepEqual(shaped(data), expected));
    }

    it("as a string of JSON, white space around it or not", () => {
      assert.deepEqual(shaped('{"hello":"world"}'), { hello: "world" });
      assert.deepEqual(shaped(' \n{"a": {"b": null}}\t'), { a: { b: null } });
    });

    it("as UTF-8 bytes of JSON, of a Function node too", () => {
      assert.deepEqual(shaped(Buffer.from('{"a":"ü"}')), { a: "ü" });
      assert.deepEqual(shaped(new Uint8Array(Buffer.from('{"a":1}'))), { a: 1 });
      assert.deepEqual(shaped(foreign("new Uint8Array([123, 34, 97, 34, 58, 49, 125])")), { a: 1 });
    });

    it("and needs no tag", () => {
      assert.deepEqual(shapeEvent({ a: 1 }, "").eventData, { a: 1 });
      assert.deepEqual(shapeEvent('{"a":1}', "").eventData, { a: 1 });
    });

    it("and states no attributes, even if it has a key like one", () => {
      const shapedEvent = shapeEvent({ stream: "s", temperature: 1 }, "value");
      assert.deepEqual(shapedEvent, { eventData: { stream: "s", temperature: 1 } });
    });
  });

  describe("anything else goes under the tag", () => {
    const VALUES: [string, unknown, unknown][] = [
      ["a number", 21.5, 21.5],
      ["zero", 0, 0],
      ["true", true, true],
      ["false", false, false],
      ["text", "on", "on"],
      ["empty text", "", ""],
      ["text that only begins like an object", "{on", "{on"],
      ["text that holds a JSON array", "[1,2]", "[1,2]"],
      ["text that holds a JSON number, as that number", "21.5", 21.5],
      [
        "text that holds a JSON number with too many digits",
        "356938035643809123",
        "356938035643809123",
      ],
      ["an array", [1, "a", true, null], [1, "a", true, null]],
      ["an array of objects", [{ a: 1 }], [{ a: 1 }]],
      ["an array of a Function node", foreign("[1, 2]"), [1, 2]],
      ["text in an array, as it is", ["21.5"], ["21.5"]],
      ["a Date", new Date(0), "1970-01-01T00:00:00.000Z"],
      ["a Date of a Function node", foreign("new Date(0)"), "1970-01-01T00:00:00.000Z"],
      ["a boxed number", Object(21.5), 21.5],
      ["boxed text", Object("on"), "on"],
      ["a boxed boolean", Object(false), false],
      ["an object whose JSON is text", new URL("mqtt://localhost/"), "mqtt://localhost/"],
      ["an object whose JSON is a number", { toJSON: () => 5 }, 5],
      ["an object whose JSON is an array", { toJSON: () => [5] }, [5]],
    ];
    for (const [what, data, expected] of VALUES) {
      it(what, () => assert.deepEqual(shaped(data), { value: expected }));
    }

    it("text that is a number as it is, on request", () => {
      assert.deepEqual(shapeEvent("21.5", "value", "keep").eventData, { value: "21.5" });
      assert.deepEqual(shapeEvent(Buffer.from("21.5"), "value", "keep").eventData, {
        value: "21.5",
      });
      assert.deepEqual(shapeEvent(21.5, "value", "keep").eventData, { value: 21.5 });
    });

    it("whatever the tag is called", () => {
      assert.deepEqual(shapeEvent(1, 'a "b" ü').eventData, { 'a "b" ü': 1 });
      assert.equal(JSON.stringify(shapeEvent(1, "__proto__").eventData), '{"__proto__":1}');
    });

    it("which must not be empty", () => {
      refuses(() => shapeEvent(21.5, ""), "TAG_EMPTY");
      refuses(() => shapeEvent("on", ""), "TAG_EMPTY");
      refuses(() => shapeEvent(new URL("mqtt://localhost"), ""), "TAG_EMPTY");
    });
  });

  describe("an envelope is taken as what it states", () => {
    it("with event data alone", () => {
      assert.deepEqual(shapeEvent({ event_data: { a: 1 } }, "value"), {
        eventData: { a: 1 },
        ...UNSTATED,
      });
    });

    it("with everything, its time brought to the microsecond in UTC", () => {
      const envelope = {
        event_data: { a: 1 },
        observed_at: "2001-01-01T01:10:10+01:00",
        stream: "s",
        add_client_ip: true,
      };
      const expected = { eventData: { a: 1 }, observedAt: TIME, stream: "s", addClientIp: true };
      assert.deepEqual(shapeEvent(envelope, "value"), expected);
      assert.deepEqual(shapeEvent(JSON.stringify(envelope), "value"), expected);
      assert.deepEqual(shapeEvent(Buffer.from(JSON.stringify(envelope)), "value"), expected);
      const ofFunctionNode = shapeEvent(foreign(JSON.stringify(envelope)), "value");
      assert.deepEqual({ ...ofFunctionNode, eventData: { ...ofFunctionNode.eventData } }, expected);
    });

    const TIMES: [string, unknown][] = [
      ["milliseconds", 978_307_810_000],
      ["a Date", new Date(978_307_810_000)],
      ["a Date of a Function node", foreign("new Date(978307810000)")],
      ["text", "2001-01-01T00:10:10Z"],
    ];
    for (const [what, observed_at] of TIMES) {
      it(`with ${what} as its time`, () => {
        const event = shapeEvent({ event_data: {}, observed_at }, "value");
        assert.equal(event.observedAt, TIME);
      });
    }

    it("with add_client_ip false", () => {
      const event = shapeEvent({ event_data: {}, add_client_ip: false }, "value");
      assert.equal(event.addClientIp, false);
    });

    const NONSENSE: [string, Record<string, unknown>, ErrorCode][] = [
      ["a stream that is empty", { stream: "" }, "ENVELOPE_STREAM"],
      ["a stream that is a number", { stream: 5 }, "ENVELOPE_STREAM"],
      ["a stream that is null", { stream: null }, "ENVELOPE_STREAM"],
      ["add_client_ip as text", { add_client_ip: "true" }, "ENVELOPE_ADD_CLIENT_IP"],
      ["add_client_ip as null", { add_client_ip: null }, "ENVELOPE_ADD_CLIENT_IP"],
      ["a time without zone", { observed_at: "2001-01-01T00:10:10" }, "TIME_NO_ZONE"],
      ["a time that is none", { observed_at: "now" }, "TIME_INVALID"],
      ["a time out of range", { observed_at: 1e15 }, "TIME_RANGE"],
      ["a time that is null", { observed_at: null }, "TIME_TYPE"],
      ["data that JSON cannot carry", { event_data: { a: Number.NaN } }, "DATA_UNSUPPORTED"],
      ["data whose JSON is text", { event_data: new URL("mqtt://h") }, "ENVELOPE_EVENT_DATA"],
      ["data whose JSON is null", { event_data: { toJSON: () => null } }, "ENVELOPE_EVENT_DATA"],
    ];
    for (const [what, parts, code] of NONSENSE) {
      it(`but refused with ${what}`, () => {
        refuses(() => shapeEvent({ event_data: { a: 1 }, ...parts }, "value"), code);
      });
    }

    const NEARLY: [string, Record<string, unknown>, key: string][] = [
      ["another key", { event_data: { a: 1 }, temperature: 5 }, "temperature"],
      ["a key in camel case", { event_data: { a: 1 }, observedAt: TIME }, "observedAt"],
      ["all in camel case", { eventData: { a: 1 }, observedAt: TIME }, "eventData"],
      ["event_data in camel case", { eventData: { a: 1 }, stream: "s" }, "eventData"],
      ["nothing but event_data in camel case", { eventData: { a: 1 } }, "eventData"],
    ];
    for (const [what, data, key] of NEARLY) {
      it(`and is refused with ${what}, which would become a tag without a word`, () => {
        refuses(() => shapeEvent(data, "value"), "ENVELOPE_KEY", { key });
        refuses(() => shapeEvent(JSON.stringify(data), "value"), "ENVELOPE_KEY", { key });
      });
    }

    const LOOKALIKES: [string, Record<string, unknown>][] = [
      ["event_data that is text", { event_data: "a" }],
      ["event_data that is an array", { event_data: [1] }],
      ["event_data that is null", { event_data: null }],
      ["no event_data", { observed_at: "now", stream: "" }],
      ["eventData beside a reading", { eventData: { a: 1 }, temperature: 5 }],
      ["eventData that is text", { eventData: "a", observedAt: "now" }],
    ];
    for (const [what, data] of LOOKALIKES) {
      it(`and is none with ${what}: then it is event data`, () => {
        assert.deepEqual(shapeEvent(data, "value"), { eventData: data });
      });
    }

    it("and is none with event_data that is a Date: then it is event data", () => {
      assert.deepEqual(shaped({ event_data: new Date(0) }), {
        event_data: "1970-01-01T00:00:00.000Z",
      });
    });
  });

  describe("null", () => {
    it("nested passes, for the server to discard", () => {
      assert.deepEqual(shaped({ a: null, b: { c: [null] } }), { a: null, b: { c: [null] } });
      assert.deepEqual(shaped([null]), { value: [null] });
      assert.deepEqual(shaped({ a: { toJSON: () => null } }), { a: null });
    });

    const MISSING: [string, unknown, string][] = [
      ["null", null, "null"],
      ["undefined", undefined, "undefined"],
      ["an object whose JSON is null", { toJSON: () => null }, "null"],
    ];
    for (const [what, data, value] of MISSING) {
      it(`is missing data at the top: ${what}`, () => {
        refuses(() => shapeEvent(data, "value"), "DATA_MISSING", { value });
        refuses(() => shapeEvent(data, ""), "DATA_MISSING", { value });
      });
    }
  });

  describe("names the place of what JSON cannot carry", () => {
    const self: Record<string, unknown> = { name: "self" };
    self.parts = [{ owner: self }];
    const ring: unknown[] = [1];
    ring.push([ring]);

    const REFUSED: [string, unknown, ErrorCode, ErrorDetails][] = [
      ["NaN", Number.NaN, "DATA_UNSUPPORTED", { place: "event_data.value", value: "NaN" }],
      [
        "Infinity",
        { t: Number.POSITIVE_INFINITY },
        "DATA_UNSUPPORTED",
        { place: "event_data.t", value: "Infinity" },
      ],
      [
        "-Infinity in JSON text",
        '{"t":-1e999}',
        "DATA_UNSUPPORTED",
        { place: "event_data.t", value: "-Infinity" },
      ],
      [
        "a boxed NaN",
        { a: Object(Number.NaN) },
        "DATA_UNSUPPORTED",
        { place: "event_data.a", value: "NaN" },
      ],
      ["a BigInt", 1n, "DATA_UNSUPPORTED", { place: "event_data.value", kind: "bigint" }],
      [
        "a boxed BigInt",
        { a: Object(1n) },
        "DATA_UNSUPPORTED",
        { place: "event_data.a", kind: "bigint" },
      ],
      [
        "a function",
        { on: { message: () => 1 } },
        "DATA_UNSUPPORTED",
        { place: "event_data.on.message", kind: "function" },
      ],
      [
        "a function alone",
        () => 1,
        "DATA_UNSUPPORTED",
        { place: "event_data.value", kind: "function" },
      ],
      [
        "a symbol",
        [Symbol("s")],
        "DATA_UNSUPPORTED",
        { place: "event_data.value[0]", kind: "symbol" },
      ],
      [
        "a boxed symbol",
        { a: Object(Symbol("s")) },
        "DATA_UNSUPPORTED",
        { place: "event_data.a", kind: "instance", name: "Symbol" },
      ],
      [
        "undefined in an array",
        { a: [1, undefined] },
        "DATA_UNSUPPORTED",
        { place: "event_data.a[1]", value: "undefined" },
      ],
      [
        "a hole in an array",
        { a: Object.assign(Array(3), { 0: 1, 2: 3 }) },
        "DATA_UNSUPPORTED",
        { place: "event_data.a[1]", value: "undefined" },
      ],
      [
        "a longer place",
        { list: [{}, {}, { "odd key": Number.NaN }] },
        "DATA_UNSUPPORTED",
        { place: 'event_data.list[2]["odd key"]' },
      ],
      [
        "the second place, when the first is fine",
        { a: { b: 1, c: [1] }, d: Number.NaN },
        "DATA_UNSUPPORTED",
        { place: "event_data.d" },
      ],
      ["a tag with a space", Number.NaN, "DATA_UNSUPPORTED", { place: 'event_data["my tag"]' }],
      [
        "a Map",
        { m: new Map() },
        "DATA_UNSUPPORTED",
        { place: "event_data.m", kind: "instance", name: "Map" },
      ],
      [
        "a Map alone",
        new Map(),
        "DATA_UNSUPPORTED",
        { place: "event_data", kind: "instance", name: "Map" },
      ],
      ["a Set", { s: new Set() }, "DATA_UNSUPPORTED", { kind: "instance", name: "Set" }],
      [
        "a WeakMap",
        { s: new WeakMap() },
        "DATA_UNSUPPORTED",
        { kind: "instance", name: "WeakMap" },
      ],
      [
        "a WeakSet",
        { s: new WeakSet() },
        "DATA_UNSUPPORTED",
        { kind: "instance", name: "WeakSet" },
      ],
      [
        "a WeakRef",
        { s: new WeakRef({}) },
        "DATA_UNSUPPORTED",
        { kind: "instance", name: "WeakRef" },
      ],
      [
        "a Promise",
        { p: Promise.resolve() },
        "DATA_UNSUPPORTED",
        { kind: "instance", name: "Promise" },
      ],
      [
        "an Error",
        { e: new TypeError("x") },
        "DATA_UNSUPPORTED",
        { kind: "instance", name: "TypeError" },
      ],
      ["a pattern", { r: /x/ }, "DATA_UNSUPPORTED", { kind: "instance", name: "RegExp" }],
      [
        "a Map of a Function node",
        { m: foreign("new Map()") },
        "DATA_UNSUPPORTED",
        {
          place: "event_data.m",
          kind: "instance",
          name: "Map",
        },
      ],
      [
        "a Buffer inside",
        { b: Buffer.from("x") },
        "DATA_UNSUPPORTED",
        {
          place: "event_data.b",
          kind: "instance",
          name: "Buffer",
        },
      ],
      [
        "a typed array",
        { f: new Float32Array(2) },
        "DATA_UNSUPPORTED",
        {
          kind: "instance",
          name: "Float32Array",
        },
      ],
      [
        "a typed array of a Function node",
        { f: foreign("new Int8Array(2)") },
        "DATA_UNSUPPORTED",
        {
          kind: "instance",
          name: "Int8Array",
        },
      ],
      [
        "a DataView",
        { v: new DataView(new ArrayBuffer(1)) },
        "DATA_UNSUPPORTED",
        {
          kind: "instance",
          name: "DataView",
        },
      ],
      [
        "an ArrayBuffer",
        { a: new ArrayBuffer(1) },
        "DATA_UNSUPPORTED",
        {
          kind: "instance",
          name: "ArrayBuffer",
        },
      ],
      [
        "a SharedArrayBuffer",
        { a: new SharedArrayBuffer(1) },
        "DATA_UNSUPPORTED",
        {
          kind: "instance",
          name: "SharedArrayBuffer",
        },
      ],
      [
        "an invalid Date",
        { at: new Date(Number.NaN) },
        "DATA_UNSUPPORTED",
        {
          place: "event_data.at",
          kind: "invalidDate",
        },
      ],
      [
        "an invalid Date of a Function node",
        foreign("new Date(NaN)"),
        "DATA_UNSUPPORTED",
        {
          place: "event_data.value",
          kind: "invalidDate",
        },
      ],
      [
        "what toJSON returns",
        { a: { toJSON: () => ({ b: Number.NaN }) } },
        "DATA_UNSUPPORTED",
        {
          place: "event_data.a.b",
        },
      ],
      [
        "toJSON that returns nothing",
        { a: { toJSON: () => undefined } },
        "DATA_UNSUPPORTED",
        {
          place: "event_data.a",
          value: "undefined",
        },
      ],
      ["an object within itself", self, "DATA_CIRCULAR", { place: "event_data.parts[0].owner" }],
      ["an array within itself", ring, "DATA_CIRCULAR", { place: "event_data.value[1][0]" }],
      [
        "a getter that throws",
        {
          a: {
            get b() {
              throw new Error("no reading");
            },
          },
        },
        "DATA_UNREADABLE",
        { place: "event_data.a.b", reason: "no reading" },
      ],
      [
        "a getter of a Function node that throws",
        { a: foreign("{ get b() { throw new Error('no reading') } }") },
        "DATA_UNREADABLE",
        { place: "event_data.a.b", reason: "no reading" },
      ],
      [
        "a getter in the way of the envelope",
        {
          get event_data() {
            throw new Error("no reading");
          },
        },
        "DATA_UNREADABLE",
        { place: "event_data", reason: "no reading" },
      ],
      [
        "toJSON that throws",
        {
          a: {
            toJSON() {
              throw new Error("no JSON");
            },
          },
        },
        "DATA_UNREADABLE",
        { place: "event_data.a", reason: "no JSON" },
      ],
      [
        "a getter that throws no error",
        {
          get a() {
            throw "just text";
          },
        },
        "DATA_UNREADABLE",
        { place: "event_data.a", reason: "just text" },
      ],
    ];
    for (const [what, data, code, details] of REFUSED) {
      const tag = what.startsWith("a tag") ? "my tag" : "value";
      it(what, () => refuses(() => shapeEvent(data, tag), code, details));
    }

    it("keeps what was thrown as the cause", () => {
      const cause = new Error("no reading");
      const data = {
        get a() {
          throw cause;
        },
      };
      assert.equal(refuses(() => shapeEvent(data, "value"), "DATA_UNREADABLE").cause, cause);
    });

    it("of a proxy that has been revoked", () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      refuses(() => shapeEvent(proxy, "value"), "DATA_UNREADABLE", { place: "event_data" });
      refuses(() => shapeEvent({ a: proxy }, "value"), "DATA_UNREADABLE", {
        place: "event_data.a",
      });
    });

    it("of an object whose second answer is another than its first", () => {
      let calls = 0;
      const fickle = { toJSON: () => (calls++ === 0 ? "once" : undefined) };
      refuses(() => shapeEvent(fickle, "value"), "DATA_UNSUPPORTED", { value: "undefined" });
    });

    it("cuts a long key short", () => {
      const error = refuses(
        () => shapeEvent({ [`${"k".repeat(10_000)} `]: Number.NaN }, "value"),
        "DATA_UNSUPPORTED",
      );
      assert.ok(error.message.length < 200, error.message);
    });
  });

  describe("of objects that JSON carries well", () => {
    it("takes one that stands in two places, which is no circle", () => {
      const shared = { a: 1 };
      assert.deepEqual(shaped({ one: shared, two: [shared, shared] }), {
        one: { a: 1 },
        two: [{ a: 1 }, { a: 1 }],
      });
    });

    it("takes one whose toJSON returns itself, as JSON.stringify does", () => {
      class Reading {
        celsius = 21;
        toJSON() {
          return this;
        }
      }
      assert.deepEqual(shaped(new Reading()), { celsius: 21 });
      assert.deepEqual(shaped({ inner: new Reading() }), { inner: { celsius: 21 } });
    });

    it("takes an Error that says how it is JSON", () => {
      const error = Object.assign(new Error("x"), { toJSON: () => ({ message: "x" }) });
      assert.deepEqual(shaped({ error }), { error: { message: "x" } });
    });

    it("takes 200 levels and no more", () => {
      const nested = (levels: number) =>
        JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`) as unknown;
      assert.deepEqual(shapeEvent(nested(200), "value").eventData, nested(200));
      refuses(() => shapeEvent(nested(201), "value"), "DATA_TOO_DEEP", { limit: 200 });
      refuses(() => shapeEvent(JSON.stringify(nested(201)), "value"), "DATA_TOO_DEEP");
    });

    it("refuses without exhausting the stack what nests without end", () => {
      let deep: unknown = 1;
      for (let level = 0; level < 100_000; level += 1) deep = [deep];
      refuses(() => shapeEvent(deep, "value"), "DATA_TOO_DEEP");
      refuses(() => shapeEvent("[".repeat(50_000), ""), "TAG_EMPTY");
      refuses(
        () => shapeEvent(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, ""),
        "DATA_TOO_DEEP",
      );
      const unending = { toJSON: () => ({ next: { toJSON: unending.toJSON } }) };
      refuses(() => shapeEvent(unending, "value"), "DATA_TOO_DEEP");
    });
  });

  it("refuses bytes that are not UTF-8", () => {
    refuses(() => shapeEvent(Buffer.from([0x7b, 0xff, 0x7d]), "value"), "DATA_NOT_UTF8");
  });

  it("treats UTF-8 bytes as the text that they hold, whatever it is", () => {
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.constantFrom(
        "",
        "hello",
        "21.5",
        "null",
        "[1,2]",
        '"on"',
        '{"a":1}',
        "{on",
        '{"a":1e999}',
      ),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom("auto" as const, "keep" as const), (text, numbers) => {
        assert.deepEqual(
          verdict(() => shapeEvent(Buffer.from(text), "value", numbers)),
          verdict(() => shapeEvent(text, "value", numbers)),
        );
      }),
    );
  });

  it("leaves members of an object as they are: text stays text", () => {
    assert.deepEqual(shaped({ a: "21.5", b: ["1"] }), { a: "21.5", b: ["1"] });
    assert.deepEqual(shaped('{"a":"21.5"}'), { a: "21.5" });
    assert.deepEqual(shaped({ event_data: { a: "21.5" } }), { a: "21.5" });
  });

  it("of any JSON value makes an event that reads back as the same", () => {
    const tags = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(fc.jsonValue(), tags, (value, tag) => {
        fc.pre(value !== null && !looksLikeEnvelope(value));
        fc.pre(typeof value !== "string" || !value.trimStart().startsWith("{"));
        const json = JSON.stringify(value);
        const same = JSON.parse(json) as unknown;
        const event = received(encodeEvent(shapeEvent(value, tag, "keep"), {}));
        const isObject = typeof value === "object" && !Array.isArray(value);
        assert.deepEqual(event.eventData, isObject ? same : fromTag(tag, same));
      }),
    );
  });

  it("of an object gives the same as of its JSON text and its bytes", () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.jsonValue()), (data) => {
        const json = JSON.stringify(data);
        const encoded = (from: unknown) => encodeEvent(shapeEvent(from, "value"), {});
        assert.equal(encoded(data), encoded(JSON.parse(json)));
        assert.equal(encoded(json), encoded(JSON.parse(json)));
        assert.equal(encoded(Buffer.from(json)), encoded(JSON.parse(json)));
      }),
    );
  });

  it("of anything at all is an event that the server accepts, or an M1Error", () => {
    fc.assert(
      fc.property(anything, (data) => {
        let event: ShapedEvent;
        try {
          event = shapeEvent(data, "value");
        } catch {
          failure(() => shapeEvent(data, "value"));
          return;
        }
        decodeEvent(Buffer.from(encodeEvent(event, {})));
      }),
      { numRuns: 2_000 },
    );
  });

  it("leaves out members that are undefined, as JSON does, wherever they are", () => {
    const data = { a: 1, b: undefined, c: { d: undefined, e: [{ f: undefined, g: 2 }] } };

    const { eventData } = shapeEvent(data, "value");

    assert.deepEqual(eventData, { a: 1, c: { e: [{ g: 2 }] } });
    assert.deepEqual(shapeEvent(foreign("({ a: 1, b: undefined })"), "value").eventData, { a: 1 });
  });

  it("of anything at all loses nothing without a word but members that are undefined", () => {
    fc.assert(
      fc.property(fc.object({ withBigInt: true, withDate: true, withMap: true }), (data) => {
        fc.pre(!looksLikeEnvelope(data));
        const hidden = JSON.stringify(data, function (this: unknown, _, value: unknown) {
          const isLost =
            typeof value === "bigint" ||
            (value === undefined && Array.isArray(this)) ||
            value instanceof Map ||
            (typeof value === "number" && !Number.isFinite(value));
          return isLost ? "lost" : value;
        }).includes('"lost"');
        fc.pre(hidden);
        refuses(() => shapeEvent(data, "value"), "DATA_UNSUPPORTED");
      }),
    );
  });
});

describe("encoding", () => {
  const event = shapeEvent({ hello: "world" }, "value");

  it("gives the contract's example", () => {
    assert.equal(
      encodeEvent(event, { observedAt: TIME }),
      '{"event_data":{"hello":"world"},"observed_at":"2001-01-01T00:10:10.000000Z"}',
    );
  });

  it("leaves out what nobody states", () => {
    assert.equal(encodeEvent(event, {}), '{"event_data":{"hello":"world"}}');
    assert.equal(
      encodeEvent(event, { stream: "", addClientIp: false }),
      '{"event_data":{"hello":"world"}}',
    );
  });

  it("writes the node's settings beside event_data", () => {
    const json = encodeEvent(event, { observedAt: TIME, stream: 'my "s"', addClientIp: true });
    assert.deepEqual(JSON.parse(json), {
      event_data: { hello: "world" },
      observed_at: TIME,
      stream: 'my "s"',
      add_client_ip: true,
    });
  });

  it("lets what the envelope states win", () => {
    const stated: ShapedEvent = {
      eventData: {},
      observedAt: TIME,
      stream: "mine",
      addClientIp: false,
    };
    const settings = {
      observedAt: "2002-01-01T00:00:00.000000Z",
      stream: "theirs",
      addClientIp: true,
    };
    assert.deepEqual(JSON.parse(encodeEvent(stated, settings)), {
      event_data: {},
      observed_at: TIME,
      stream: "mine",
    });
  });

  it("accepts 65,536 characters and refuses more, with both figures", () => {
    const empty = encodeEvent(shapeEvent("", "value"), {}).length;
    const longest = "x".repeat(65_536 - empty);
    assert.equal(encodeEvent(shapeEvent(longest, "value"), {}).length, LONGEST_EVENT);
    const error = refuses(
      () => encodeEvent(shapeEvent(`${longest}x`, "value"), {}),
      "EVENT_TOO_LONG",
      { length: 65_537, limit: 65_536 },
    );
    assert.match(error.message, /65537.*65536/);
  });

  it("counts characters, not bytes, and the time and the stream with them", () => {
    const empty = encodeEvent(shapeEvent("", "value"), {}).length;
    const longest = "ü".repeat(65_536 - empty);
    const json = encodeEvent(shapeEvent(longest, "value"), {});
    assert.ok(Buffer.byteLength(json) > LONGEST_EVENT, "not more bytes than characters");
    assert.deepEqual(received(json).eventData, { value: longest });
    refuses(() => encodeEvent(shapeEvent(longest, "value"), { stream: "s" }), "EVENT_TOO_LONG");
  });

  it("makes only what decoding accepts, and it reads back", () => {
    const attributes: fc.Arbitrary<EventAttributes> = fc.record({
      observedAt: fc.constantFrom(undefined, TIME, "1969-12-31T23:59:59.999999Z"),
      stream: fc.option(anyText, { nil: undefined }),
      addClientIp: fc.constantFrom(undefined, true, false),
    });
    fc.assert(
      fc.property(fc.dictionary(anyText, fc.jsonValue()), attributes, (data, settings) => {
        fc.pre(!looksLikeEnvelope(data));
        const event = received(encodeEvent(shapeEvent(data, "value"), settings));
        assert.deepEqual(event, {
          eventData: JSON.parse(JSON.stringify(data)),
          observedAt: settings.observedAt,
          stream: settings.stream || undefined,
          addClientIp: settings.addClientIp || undefined,
        });
      }),
    );
  });
});

describe("decoding", () => {
  it("reads the contract's example", () => {
    assert.deepEqual(
      received('{"event_data":{"hello":"world"},"observed_at":"2001-01-01T00:10:10.000000Z"}'),
      { eventData: { hello: "world" }, ...UNSTATED, observedAt: TIME },
    );
  });

  it("reads every key, in any order", () => {
    assert.deepEqual(
      received(
        '{"add_client_ip":true,"stream":"s","observed_at":"2001-01-01T01:10:10.000000+01:00","event_data":{}}',
      ),
      { eventData: {}, observedAt: TIME, stream: "s", addClientIp: true },
    );
  });

  const REFUSED: [string, string, ErrorCode][] = [
    ["what is not JSON", "{event_data:{}}", "DATA_NOT_JSON"],
    ["nothing", "", "DATA_NOT_JSON"],
    ["a byte order mark", '\ufeff{"event_data":{}}', "DATA_NOT_JSON"],
    ["an array", "[]", "ENVELOPE_NOT_OBJECT"],
    ["text", '"a"', "ENVELOPE_NOT_OBJECT"],
    ["null", "null", "ENVELOPE_NOT_OBJECT"],
    ["no event_data", "{}", "ENVELOPE_EVENT_DATA"],
    ["event_data that is text", '{"event_data":"a"}', "ENVELOPE_EVENT_DATA"],
    ["event_data that is an array", '{"event_data":[]}', "ENVELOPE_EVENT_DATA"],
    ["event_data that is null", '{"event_data":null}', "ENVELOPE_EVENT_DATA"],
    ["another key", '{"event_data":{},"temperature":1}', "ENVELOPE_KEY"],
    ["a key in another case", '{"Event_data":{}}', "ENVELOPE_KEY"],
    ["a key of Object's", '{"event_data":{},"__proto__":1}', "ENVELOPE_KEY"],
    [
      "a time to the millisecond",
      '{"event_data":{},"observed_at":"2001-01-01T00:10:10.000Z"}',
      "TIME_NOT_MICROSECONDS",
    ],
    [
      "a time with nine decimals",
      '{"event_data":{},"observed_at":"2001-01-01T00:10:10.000000000Z"}',
      "TIME_NOT_MICROSECONDS",
    ],
    [
      "a time without zone",
      '{"event_data":{},"observed_at":"2001-01-01T00:10:10.000000"}',
      "TIME_NOT_MICROSECONDS",
    ],
    [
      "a time with more behind it",
      '{"event_data":{},"observed_at":"2001-01-01T00:10:10.000000Z[UTC]"}',
      "TIME_NOT_MICROSECONDS",
    ],
    [
      "a time that is a number",
      '{"event_data":{},"observed_at":978307810000}',
      "TIME_NOT_MICROSECONDS",
    ],
    ["a time that is null", '{"event_data":{},"observed_at":null}', "TIME_NOT_MICROSECONDS"],
    [
      "a time that never was",
      '{"event_data":{},"observed_at":"2001-02-30T00:00:00.000000Z"}',
      "TIME_INVALID",
    ],
    ["a stream that is empty", '{"event_data":{},"stream":""}', "ENVELOPE_STREAM"],
    ["a stream that is null", '{"event_data":{},"stream":null}', "ENVELOPE_STREAM"],
    ["add_client_ip that is 1", '{"event_data":{},"add_client_ip":1}', "ENVELOPE_ADD_CLIENT_IP"],
  ];
  for (const [what, json, code] of REFUSED) {
    it(`refuses ${what}`, () => refuses(() => received(json), code));
  }

  it("refuses bytes that are not UTF-8", () => {
    refuses(() => decodeEvent(Buffer.from([0x7b, 0xc3, 0x28, 0x7d])), "DATA_NOT_UTF8");
  });

  it("refuses what is over 65,536 characters from brace to brace", () => {
    const longest = `{"event_data":{"v":"${"x".repeat(65_536 - 23)}"}}`;
    assert.equal(longest.length, 65_536);
    const { event_data } = JSON.parse(longest);
    assert.deepEqual(received(longest).eventData, event_data);
    assert.deepEqual(received(` \r\n${longest}\n`).eventData, event_data);
    refuses(() => received(longest.replace("x", "xx")), "EVENT_TOO_LONG", {
      length: 65_537,
      limit: 65_536,
    });
  });

  it("takes 200 levels and no more, and refuses deeper ones without exhausting the stack", () => {
    const nested = (levels: number) =>
      `{"event_data":${'{"a":'.repeat(levels - 1)}[]${"}".repeat(levels - 1)}}`;
    assert.deepEqual(received(nested(200)).eventData, JSON.parse(nested(200)).event_data);
    for (const levels of [201, 10_666]) {
      refuses(() => received(nested(levels)), "DATA_TOO_DEEP", { limit: 200 });
    }
    const list = `{"event_data":{"a":${"[".repeat(32_000)}${"]".repeat(32_000)}}}`;
    refuses(() => received(list), "DATA_TOO_DEEP", { limit: 200 });
  });

  it("refuses a number that is none once it is read, and names its place", () => {
    for (const [number, value] of [
      ["1e999", "Infinity"],
      ["-1e999", "-Infinity"],
    ] as const) {
      refuses(() => received(`{"event_data":{"a":[0,{"b c":${number}}]}}`), "DATA_UNSUPPORTED", {
        value,
        place: 'event_data.a[1]["b c"]',
      });
    }
    assert.deepEqual(received('{"event_data":{"a":1e308}}').eventData, { a: 1e308 });
  });

  it("of any bytes is an event or an M1Error", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      anyText.map((text) => Buffer.from(text)),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
      fc
        .record({ event_data: fc.jsonValue(), observed_at: fc.jsonValue(), stream: fc.jsonValue() })
        .map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (payload) => {
        try {
          assert.equal(typeof decodeEvent(payload).eventData, "object");
        } catch {
          failure(() => decodeEvent(payload));
        }
      }),
    );
  });
});

function looksLikeEnvelope(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "event_data");
}

function fromTag(tag: string, value: unknown): unknown {
  return JSON.parse(`{${JSON.stringify(tag)}:${JSON.stringify(value)}}`);
}
