// The time in an event's JSON is found, and put right without changing anything else.
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeEvent, type ShapedEvent } from "../../nodes/protocol/event";
import { observedAtOf, shiftObservedAt } from "../../nodes/protocol/observed-at";
import { formatTimestamp } from "../../nodes/protocol/timestamp";

/** Years 1970 to 2100. */
const moment = fc.integer({ min: 0, max: 4_102_444_800_000 });
const micros = fc.integer({ min: 0, max: 999 });
const text = fc.oneof(
  fc.string(),
  fc.constantFrom('"observed_at":"', '"observed_at":"2001-01-01T00:10:10.000000Z"', "\\"),
);

describe("the moment of arrival in an event's JSON", () => {
  it("is found, and becomes so many milliseconds later, whatever the data and the stream look like", () => {
    const stream = fc.option(text, { nil: undefined });
    const addClientIp = fc.boolean();
    fc.assert(
      fc.property(
        fc.dictionary(text, fc.oneof(text, fc.jsonValue())),
        fc.record({ stream, addClientIp }),
        moment,
        moment,
        micros,
        (eventData, attributes, from, to, microseconds) => {
          const at = (milliseconds: number) =>
            encodeEvent({ eventData } as ShapedEvent, {
              ...attributes,
              observedAt: formatTimestamp(milliseconds, microseconds),
            });
          assert.equal(shiftObservedAt(at(from), to - from), at(to));
          assert.equal(observedAtOf(at(to)), formatTimestamp(to, microseconds));
        },
      ),
    );
  });

  it("stays as it is where there is no year of four digits for it", () => {
    const json = '{"event_data":{},"observed_at":"1970-01-01T00:00:10.000000Z"}';
    for (const milliseconds of [-1e14, 1e15, 1e20, Number.NaN]) {
      assert.equal(shiftObservedAt(json, milliseconds), json);
    }
  });
});
