// What the property tests of the protocol draw from: text, topic levels and whatever a flow may hold.
import vm from "node:vm";
import fc from "fast-check";
import { EVERYONE } from "../../nodes/protocol/topic-level";

/** Any string there is, halves of surrogate pairs among it. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }))
    .map((units) => units.map((unit) => String.fromCharCode(unit)).join("")),
);

const levelCharacter = fc.constantFrom(
  ...Array.from({ length: 0x5f }, (_, index) => String.fromCharCode(0x20 + index)).filter(
    (character) => !"#+/".includes(character),
  ),
);

/** A topic level that names something. */
export const level: fc.Arbitrary<string> = fc
  .string({ unit: levelCharacter, minLength: 1, maxLength: 20 })
  .filter((text) => text !== EVERYONE);

/** An update type: one level mostly, several at times. */
export const updateTypes: fc.Arbitrary<string> = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"));

/** Objects that JSON, or whoever looks at them, stumbles over. */
const trap: fc.Arbitrary<unknown> = fc
  .constantFrom<(() => unknown)[]>(
    () => ({ a: 1, f: () => 1 }),
    () => Symbol("s"),
    () => Object(Symbol("s")) as unknown,
    () => new URL("mqtt://localhost"),
    () => new Error("boom"),
    () => /pattern/,
    () => Promise.resolve(),
    () => new WeakMap(),
    () => new ArrayBuffer(8),
    () => new DataView(new ArrayBuffer(8)),
    () => Buffer.from('{"a":1}'),
    () => Buffer.from([0xff]),
    () => new Date(Number.NaN),
    () => Object(1n) as unknown,
    () => Object(Number.NaN) as unknown,
    () => Array(3),
    () => {
      const circle: Record<string, unknown> = {};
      circle.again = { circle };
      return circle;
    },
    () => {
      const circle: unknown[] = [];
      circle.push(circle);
      return circle;
    },
    () => ({
      get unreadable() {
        throw new TypeError("no reading");
      },
    }),
    () => ({
      get event_data() {
        throw new TypeError("no reading");
      },
    }),
    () => ({
      get thrown() {
        throw null;
      },
    }),
    () => ({
      get thrown() {
        throw Object.create(null);
      },
    }),
    () => ({ toJSON: () => undefined }),
    () => ({ toJSON: () => null }),
    () => ({ toJSON: () => "text" }),
    () => ({ toJSON: () => [Number.NaN] }),
    () => ({
      toJSON() {
        throw new Error("no JSON");
      },
    }),
    () => ({
      toJSON() {
        return { ...this };
      },
    }),
    () => {
      let calls = 0;
      return { toJSON: () => (calls++ === 0 ? "once" : undefined) };
    },
    () => ({ [Symbol.toStringTag]: "Date" }),
    () =>
      new (class {
        get [Symbol.toStringTag]() {
          return "Date";
        }
      })(),
    () =>
      new (class {
        get [Symbol.toStringTag]() {
          return "Number";
        }
        valueOf() {
          return this;
        }
      })(),
    () =>
      new (class {
        get [Symbol.toStringTag]() {
          throw new Error("no tag");
        }
      })(),
    () =>
      new (class {
        get [Symbol.toStringTag]() {
          return "Uint8Array";
        }
      })(),
    () =>
      new Proxy(
        {},
        {
          ownKeys() {
            throw new Error("no keys");
          },
        },
      ),
    () =>
      new Proxy(
        {},
        {
          getPrototypeOf() {
            throw new Error("no prototype");
          },
        },
      ),
    () => vm.runInNewContext("({ a: [1, { b: new Date(0) }], m: null })") as unknown,
    () => vm.runInNewContext("new Map([[1, 2]])") as unknown,
    () => vm.runInNewContext("new Uint8Array([123, 125])") as unknown,
    () => vm.runInNewContext("new Date(NaN)") as unknown,
    () => vm.runInNewContext("({ get a() { throw new Error('elsewhere') } })") as unknown,
  )
  .map((make) => make());

/** Values of all the kinds that JavaScript has by itself. */
export const anyJavaScript: fc.Arbitrary<unknown> = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  withUnicodeString: true,
});

/** Anything that a flow may hold, and some things that it will not. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: anyJavaScript },
  trap,
  fc.array(trap, { maxLength: 3 }),
  fc.dictionary(fc.string(), trap, { maxKeys: 3 }),
  fc.record({ event_data: trap }),
  fc.record(
    {
      event_data: fc.oneof(fc.object(), trap),
      observed_at: anyJavaScript,
      stream: anyJavaScript,
      add_client_ip: anyJavaScript,
    },
    { requiredKeys: ["event_data"] },
  ),
);
