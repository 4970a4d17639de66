// Promises of times to the microsecond (wire-contract: Time vectors).
import assert from "node:assert/strict";
import { inspect } from "node:util";
import vm from "node:vm";
import fc from "fast-check";
import { formatTimestamp, timestamp } from "../../nodes/protocol/timestamp";
import { anyText, anything } from "./arbitraries";
import { failure, refuses } from "./failure";

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** The second as ISO text without zone, and six digits after it. */
function canonical(second: number, microseconds: string): string {
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${microseconds}Z`;
}

const FIRST_SECOND = Date.parse("0001-01-01T00:00:00Z") / 1000;
const LAST_SECOND = Date.parse("9998-12-31T23:59:59Z") / 1000;
const seconds = fc.oneof(
  fc.integer({ min: FIRST_SECOND, max: LAST_SECOND }),
  fc.integer({ min: -100_000, max: 100_000 }),
  fc.integer({ min: 946_684_800, max: 4_102_444_800 }),
);

describe("timestamp", () => {
  describe("keeps the contract's vectors", () => {
    const VECTORS: [unknown, string][] = [
      ["2001-01-01T00:10:10Z", "2001-01-01T00:10:10.000000Z"],
      ["2014-06-11T02:11:25.076001Z", "2014-06-11T02:11:25.076001Z"],
      ["2016-02-16T15:14:08-08:00", "2016-02-16T23:14:08.000000Z"],
      ["2014-07-25T12:12:56.2345-08:00", "2014-07-25T20:12:56.234500Z"],
      ["2014-06-11T02:11:25.0760019Z", "2014-06-11T02:11:25.076001Z"],
      [978_307_810_000, "2001-01-01T00:10:10.000000Z"],
      [978_307_810_000.25, "2001-01-01T00:10:10.000250Z"],
      [new Date(978_307_810_076), "2001-01-01T00:10:10.076000Z"],
    ];
    for (const [value, expected] of VECTORS) {
      const shown = value instanceof Date ? "a Date" : String(value);
      it(`${shown} is ${expected}`, () => assert.equal(timestamp(value), expected));
    }

    const REFUSED: [string, unknown, Parameters<typeof refuses>[1], RegExp][] = [
      ["no zone", "2001-01-01T00:10:10", "TIME_NO_ZONE", /has no zone: add Z/],
      ["30 February", "2001-02-30T00:00:00Z", "TIME_INVALID", /is not a time: ISO 8601/],
      ["yesterday", "yesterday", "TIME_INVALID", /yesterday is not a time: ISO 8601/],
      ["NaN", Number.NaN, "TIME_INVALID", /NaN is not a time: ISO 8601/],
      ["an object", {}, "TIME_TYPE", /The time is an object: ISO 8601 .* is accepted/],
    ];
    for (const [what, value, code, words] of REFUSED) {
      it(`${what} is refused with what is wrong and what is accepted`, () => {
        assert.match(refuses(() => timestamp(value), code).message, words);
      });
    }
  });

  describe("reads ISO 8601 text", () => {
    const READ: [string, string][] = [
      ["20010101T001010Z", "2001-01-01T00:10:10.000000Z"],
      ["20010101T001010,5+0100", "2000-12-31T23:10:10.500000Z"],
      ["2001-01-01t00:10:10z", "2001-01-01T00:10:10.000000Z"],
      ["2001-01-01 00:10:10Z", "2001-01-01T00:10:10.000000Z"],
      ["2001-01-01T00:10Z", "2001-01-01T00:10:00.000000Z"],
      ["2001-01-01T00Z", "2001-01-01T00:00:00.000000Z"],
      ["2001-01-01T00:10:10-00:00", "2001-01-01T00:10:10.000000Z"],
      ["2001-01-01T00:10:10+01", "2000-12-31T23:10:10.000000Z"],
      ["2001-01-01T00:10:10Z[Europe/Paris]", "2001-01-01T00:10:10.000000Z"],
      ["  2001-01-01T00:10:10Z\n", "2001-01-01T00:10:10.000000Z"],
      ["+002001-01-01T00:10:10Z", "2001-01-01T00:10:10.000000Z"],
      ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"],
      ["1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"],
      ["1960-01-01T00:00:00.000000999Z", "1960-01-01T00:00:00.000000Z"],
      ["2014-06-11T02:11:25.07600199999999999999Z", "2014-06-11T02:11:25.076001Z"],
      ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"],
      ["9999-12-31T23:59:59.999999999999Z", "9999-12-31T23:59:59.999999Z"],
    ];
    for (const [text, expected] of READ) {
      it(`${JSON.stringify(text)} is ${expected}`, () => assert.equal(timestamp(text), expected));
    }

    it("in every form, with every microsecond kept and the rest cut", () => {
      const forms = fc.record({
        second: seconds,
        digits: fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 14 }),
        mark: fc.constantFrom(".", ","),
        separator: fc.constantFrom("T", "t", " "),
        basic: fc.boolean(),
        zone: fc.oneof(
          fc.constantFrom("Z", "z"),
          fc.record({
            minutes: fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 }),
            form: fc.constantFrom("hh", "hhmm", "hh:mm"),
          }),
        ),
      });
      fc.assert(
        fc.property(forms, ({ second, digits, mark, separator, basic, zone }) => {
          const offset = typeof zone === "string" ? 0 : wholeHours(zone.form, zone.minutes);
          const local = new Date((second + offset * 60) * 1000).toISOString().slice(0, 19);
          const clock = basic ? local.replace(/[-:]/g, "") : local;
          const text =
            clock.replace("T", separator) +
            (digits === "" ? "" : mark + digits) +
            (typeof zone === "string" ? zone : offsetText(zone.form, offset));
          const expected = canonical(second, digits.slice(0, 6).padEnd(6, "0"));
          assert.equal(timestamp(text), expected, text);
        }),
        { numRuns: 500 },
      );
    });

    it("of its own making unchanged", () => {
      fc.assert(
        fc.property(seconds, fc.integer({ min: 0, max: 999_999 }), (second, micros) => {
          const text = canonical(second, String(micros).padStart(6, "0"));
          assert.equal(timestamp(text), text);
        }),
      );
    });
  });

  describe("reads milliseconds since 1970", () => {
    const READ: [number, string][] = [
      [0, "1970-01-01T00:00:00.000000Z"],
      [-0, "1970-01-01T00:00:00.000000Z"],
      [-1, "1969-12-31T23:59:59.999000Z"],
      [-0.001, "1969-12-31T23:59:59.999999Z"],
      [0.0019, "1970-01-01T00:00:00.000001Z"],
      [1_700_000_000_000.999, "2023-11-14T22:13:20.000999Z"],
      [1_700_000_000_000 + 4095 / 4096, "2023-11-14T22:13:20.000999Z"],
      [-62_167_219_200_000, "0000-01-01T00:00:00.000000Z"],
      [253_402_300_799_999, "9999-12-31T23:59:59.999000Z"],
      [253_402_300_799_999.5, "9999-12-31T23:59:59.999500Z"],
    ];
    for (const [value, expected] of READ) {
      it(`${value} is ${expected}`, () => assert.equal(timestamp(value), expected));
    }

    it("with a thousandth of one as exactly that microsecond", () => {
      // Beyond, in the year 2248, doubles are further apart than microseconds.
      const milliseconds = fc.integer({ min: -(2 ** 43), max: 2 ** 43 - 1 });
      fc.assert(
        fc.property(milliseconds, fc.integer({ min: 0, max: 999 }), (whole, micros) => {
          const second = Math.floor(whole / 1000);
          const fraction = (whole - second * 1000) * 1000 + micros;
          const expected = canonical(second, String(fraction).padStart(6, "0"));
          assert.equal(timestamp(whole + micros / 1000), expected);
        }),
        { numRuns: 2_000 },
      );
    });

    it("a whole one as that, however far away", () => {
      const milliseconds = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });
      fc.assert(
        fc.property(milliseconds, (whole) => {
          assert.equal(timestamp(whole), new Date(whole).toISOString().replace("Z", "000Z"));
        }),
      );
    });

    it("every microsecond of one millisecond of our time", () => {
      const whole = 1_790_000_000_123;
      for (let micros = 0; micros < 1000; micros += 1) {
        const text = timestamp(whole + micros / 1000);
        assert.equal(text.slice(-7), `${String(123_000 + micros)}Z`);
      }
    });
  });

  describe("reads a Date", () => {
    it("of this realm", () => assert.equal(timestamp(new Date(1)), "1970-01-01T00:00:00.001000Z"));

    it("of a Function node's realm", () => {
      const foreign: unknown = vm.runInNewContext("new Date(978307810076)");
      assert.equal(foreign instanceof Date, false);
      assert.equal(timestamp(foreign), "2001-01-01T00:10:10.076000Z");
    });

    it("of a subclass", () => {
      class Moment extends Date {}
      assert.equal(timestamp(new Moment(1)), "1970-01-01T00:00:00.001000Z");
    });

    it("only if it is valid", () => {
      refuses(() => timestamp(new Date("never")), "TIME_INVALID", { value: "NaN" });
    });

    it("and is not taken in by an object that calls itself one", () => {
      refuses(() => timestamp({ [Symbol.toStringTag]: "Date", getTime: () => 0 }), "TIME_TYPE");
      refuses(() => timestamp(Object.create(Date.prototype)), "TIME_TYPE");
    });
  });

  describe("refuses", () => {
    const REFUSED: [unknown, Parameters<typeof refuses>[1]][] = [
      ["", "TIME_INVALID"],
      ["Z", "TIME_INVALID"],
      ["2001-01-01", "TIME_INVALID"],
      ["2001-01-01Z", "TIME_INVALID"],
      ["2001-13-01T00:00:00Z", "TIME_INVALID"],
      ["2001-01-01T25:00:00Z", "TIME_INVALID"],
      ["2001-01-01T00:60:00Z", "TIME_INVALID"],
      ["2001-02-29T00:00:00Z", "TIME_INVALID"],
      ["2001-01-01T00:10:10.Z", "TIME_INVALID"],
      ["2001-01-01T00:10:10 Z", "TIME_INVALID"],
      ["2001-01-01T00:10:10+24:00", "TIME_INVALID"],
      ["978307810000", "TIME_INVALID"],
      ["Mon, 01 Jan 2001 00:10:10 GMT", "TIME_INVALID"],
      ["1/1/2001 00:10", "TIME_INVALID"],
      ["+999999-01-01T00:00:00Z", "TIME_INVALID"],
      ["2001-01-01T00:10", "TIME_NO_ZONE"],
      ["2001-01-01 00:10:10.5", "TIME_NO_ZONE"],
      ["20010101T001010", "TIME_NO_ZONE"],
      ["2001-01-01t00:10:10", "TIME_NO_ZONE"],
      ["2001-01-01T00:10:10[Europe/Paris]", "TIME_NO_ZONE"],
      ["+002001-01-01T00:10:10", "TIME_NO_ZONE"],
      ["-000001-12-31T23:59:59Z", "TIME_RANGE"],
      ["+010000-01-01T00:00:00Z", "TIME_RANGE"],
      ["9999-12-31T23:59:59-00:01", "TIME_RANGE"],
      ["0000-01-01T00:00:00+00:01", "TIME_RANGE"],
      [-62_167_219_200_000.01, "TIME_RANGE"],
      [253_402_300_800_000, "TIME_RANGE"],
      [Number.MAX_VALUE, "TIME_RANGE"],
      [Number.POSITIVE_INFINITY, "TIME_INVALID"],
      [Number.NEGATIVE_INFINITY, "TIME_INVALID"],
      [null, "TIME_TYPE"],
      [undefined, "TIME_TYPE"],
      [true, "TIME_TYPE"],
      [1n, "TIME_TYPE"],
      [Symbol("s"), "TIME_TYPE"],
      [[], "TIME_TYPE"],
      [() => 0, "TIME_TYPE"],
    ];
    for (const [value, code] of REFUSED) {
      it(`${inspect(value)} as ${code}`, () => {
        refuses(() => timestamp(value), code);
      });
    }

    it("quotes the start of a long text only", () => {
      const error = refuses(() => timestamp("9".repeat(100_000)), "TIME_INVALID");
      assert.ok(error.message.length < 300, error.message);
    });

    it("keeps the parser's reason as the cause", () => {
      const { cause } = refuses(() => timestamp("yesterday"), "TIME_INVALID");
      assert.equal(cause instanceof Error, true);
    });
  });

  it("of anything is canonical or an M1Error", () => {
    const nearTimes = fc
      .array(fc.constantFrom("2001", "-", "01", ":", "T", " ", "Z", "+", ".", ",", "9", "[", "]"))
      .map((parts) => parts.join(""));
    const values = fc.oneof(anything, anyText, nearTimes, fc.double(), fc.date());
    fc.assert(
      fc.property(values, (value) => {
        let text: string;
        try {
          text = timestamp(value);
        } catch {
          failure(() => timestamp(value));
          return;
        }
        assert.match(text, CANONICAL);
        assert.equal(timestamp(text), text);
      }),
      { numRuns: 500 },
    );
  });
});

describe("formatTimestamp", () => {
  it("does not mix up the seconds of calls that follow each other", () => {
    assert.equal(formatTimestamp(999, 999), "1970-01-01T00:00:00.999999Z");
    assert.equal(formatTimestamp(1000, 0), "1970-01-01T00:00:01.000000Z");
    assert.equal(formatTimestamp(999, 0), "1970-01-01T00:00:00.999000Z");
    assert.equal(formatTimestamp(-1, 1), "1969-12-31T23:59:59.999001Z");
    assert.equal(formatTimestamp(0, 7), "1970-01-01T00:00:00.000007Z");
  });
});

/** The offset in minutes that its form can express. */
function wholeHours(form: string, minutes: number): number {
  return form === "hh" ? Math.trunc(minutes / 60) * 60 : minutes;
}

function offsetText(form: string, minutes: number): string {
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, "0");
  const rest = String(size % 60).padStart(2, "0");
  const tail = { hh: "", hhmm: rest, "hh:mm": `:${rest}` }[form];
  return `${minutes < 0 ? "-" : "+"}${hours}${tail}`;
}
