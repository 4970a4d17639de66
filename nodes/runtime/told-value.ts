// Values of a message on their way to the editor, as JSON: what JSON would lose is marked, so that the preview finds the
// same in them as the runtime.
import { className, OPAQUE_TAGS, SCALAR_TAGS, tagOf } from "../protocol/object-kind";

/** The only key of what stands for such a value; no flow calls its data so. */
const MARK = "\0m1";

/** By the kind of the mark: the value, or one in which the checks find the same. */
const RESTORE = {
  undefined: () => undefined,
  function: () => () => undefined,
  symbol: () => Symbol(),
  number: (text: unknown) => Number(text),
  bigint: (text: unknown) => BigInt(String(text)),
  date: (milliseconds: unknown) => new Date(Number(milliseconds)),
  boxed: (content: unknown) => Object(content) as unknown,
  /** It makes this of itself. */
  toJSON: (content: unknown) => ({ toJSON: () => content }),
  bytes: (bytes: unknown, name: unknown) =>
    Object.defineProperty(Uint8Array.from(bytes as number[]), "constructor", { value: { name } }),
  /** All that matters is its class, and that its content is no property of it. */
  instance: (name: unknown) =>
    Object.create({ constructor: { name }, [Symbol.toStringTag]: "Map" }) as unknown,
} satisfies Record<string, (...details: unknown[]) => unknown>;

type Kind = keyof typeof RESTORE;

/** Undefined where there is no way: a circle, as in an HTTP request, nesting without end, or a property that cannot be read. */
export function toldJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, marked);
  } catch {
    return undefined;
  }
}

/** What `toldJson` has told, once its JSON is parsed. */
export function restored(told: unknown): unknown {
  if (typeof told !== "object" || told === null) return told;
  if (Array.isArray(told)) return told.map(restored);
  if (Object.hasOwn(told, MARK)) {
    const [kind, ...details] = (told as Record<string, [Kind, ...unknown[]]>)[MARK] ?? [];
    const restore: (...details: unknown[]) => unknown = RESTORE[kind as Kind];
    return restore(...details.map(restored));
  }
  const entries = Object.entries(told).map(([key, value]) => [key, restored(value)]);
  return Object.fromEntries(entries);
}

function mark(kind: Kind, ...details: unknown[]): object {
  return { [MARK]: [kind, ...details] };
}

/** For JSON.stringify, which has called the value's own toJSON: `json` is what that has made. */
function marked(this: unknown, key: string, json: unknown): unknown {
  const value = (this as Record<string, unknown>)[key];
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? value : mark("number", String(value));
    case "bigint":
      return mark("bigint", String(value));
    case "function":
      return mark("function");
    case "symbol":
      return mark("symbol");
    case "undefined":
      // Of a property, it means as little to the runtime as to JSON.
      return Array.isArray(this) || key === "" ? mark("undefined") : undefined;
    case "object":
      return value === null ? null : markedObject(value, json);
    default:
      return value;
  }
}

function markedObject(value: object, json: unknown): unknown {
  const tag = tagOf(value);
  if (ArrayBuffer.isView(value)) {
    if (tag !== "Uint8Array") return mark("instance", className(value));
    return mark("bytes", [...(value as Uint8Array)], className(value));
  }
  if (tag === "Date") return mark("date", (value as Date).getTime());
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return mark("toJSON", json);
  if (SCALAR_TAGS.has(tag)) return mark("boxed", value.valueOf());
  return OPAQUE_TAGS.has(tag) ? mark("instance", className(value)) : value;
}
