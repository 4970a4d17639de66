// What the editor is told of a value: its preview finds in it what the runtime found.
import { deepEqual, equal, match } from "node:assert/strict";
import vm from "node:vm";
import fc from "fast-check";
import { encodeEvent, shapeEvent } from "../../nodes/protocol/event";
import { observedTime } from "../../nodes/protocol/observed-time";
import { restored, toldJson } from "../../nodes/runtime/told-value";
import { anyJavaScript } from "../protocol/arbitraries";

/** What the editor has; rejects a value that cannot be told. */
function told(value: unknown): unknown {
  return restored(JSON.parse(String(toldJson(value))));
}

/** The JSON of the event, or what is wrong with the data. */
function event(data: unknown): string {
  return outcome(() => encodeEvent(shapeEvent(data, "value"), {}));
}

function nested(levels: number): unknown {
  return JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);
}

function outcome(action: () => string): string {
  try {
    return action();
  } catch (error) {
    return String(error);
  }
}

class Sensor {
  celsius = 21.5;
}

const VALUES: [title: string, value: unknown, event: RegExp][] = [
  ["a Date", new Date(0), /"1970-01-01T00:00:00\.000Z"/],
  ["an invalid Date", new Date(Number.NaN), /is an invalid Date/],
  ["NaN", Number.NaN, /is NaN/],
  ["Infinity", Number.POSITIVE_INFINITY, /is Infinity/],
  ["a Map", new Map([[1, 2]]), /is an instance of Map/],
  ["a Map of a Function node", vm.runInNewContext("new Map()"), /is an instance of Map/],
  ["an Error", new TypeError("boom"), /is an instance of TypeError/],
  ["a BigInt", 1n, /is a BigInt/],
  ["a function", () => 1, /is a function/],
  ["a symbol", Symbol("s"), /is a symbol/],
  ["an object of a class", new Sensor(), /\{"celsius":21\.5\}/],
  ["a URL, which is text in JSON", new URL("mqtt://localhost"), /"mqtt:\/\/localhost"/],
  ["a decimal, which is text in JSON", { toJSON: () => "21.5" }, /"21\.5"/],
  ["text in an object", Object("21.5"), /"21\.5"/],
  ["a list with a gap", Array(2), /is undefined/],
  ["numbers in memory", new Float32Array(2), /is an instance of Float32Array/],
];

describe("a value that the editor is told", () => {
  for (const [title, value, words] of VALUES) {
    it(`makes the same event, or the same error: ${title}`, () => {
      const places = [{ t: value }, { list: [value] }, value, [value]];
      for (const data of places) equal(event(told(data)), event(data));
      match(event(told({ t: value })), words);
    });
  }

  it("is bytes, which are text alone and nothing inside an object", () => {
    for (const bytes of [Buffer.from("21.5"), new Uint8Array([50]), Buffer.from([0xff])]) {
      equal(event(told(bytes)), event(bytes));
      equal(event(told({ bytes })), event({ bytes }));
    }
    equal(event(told(Buffer.from("21.5"))), '{"event_data":{"value":21.5}}');
    match(event(told({ bytes: Buffer.from("21.5") })), /is an instance of Buffer/);
  });

  it("is undefined: no event by itself, left out of an object", () => {
    match(event(told(undefined)), /There is no event data: it is undefined/);
    equal(event(told({ t: 1, u: undefined })), '{"event_data":{"t":1}}');
  });

  it("is a time: a Date of seconds is refused, text is not", () => {
    const seconds = new Date(1_780_000_000);
    match(
      outcome(() => observedTime(told(seconds))),
      /if it is in milliseconds/,
    );
    equal(observedTime(told(seconds.toISOString())), "1970-01-21T14:26:40.000000Z");
  });

  it("is anything that JavaScript has by itself", () => {
    fc.assert(
      fc.property(anyJavaScript, (value) => {
        equal(event(told(value)), event(value));
      }),
    );
  });

  it("is plain JSON as it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        equal(toldJson(value), JSON.stringify(value));
        deepEqual(told(value), JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is nested too deep, and still is", () => {
    match(event(told(nested(1_000))), /nested deeper than 200 levels/);
  });

  it("is none where there is a circle, nesting without end, or what cannot be read", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const unreadable = {
      get broken() {
        throw new Error("no reading");
      },
    };
    for (const value of [circle, nested(30_000), unreadable]) equal(toldJson(value), undefined);
  });
});
