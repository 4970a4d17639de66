// An event: from whatever a flow hands over to the JSON that Medium One accepts, and back
// (wire-contract: Event payload).
import { type ErrorDetails, excerpt, M1Error, quoted } from "./errors";
import { numberOfText } from "./numeric-text";
import { className, OPAQUE_TAGS, SCALAR_TAGS, tagOf } from "./object-kind";
import { observedTime } from "./observed-time";
import { type Path, placeOf } from "./place";
import type { NumericText } from "./settings";
import type { Timestamp } from "./timestamp";
import { utf8Text } from "./utf8";

/**
 * From opening to closing brace. Counted in UTF-16 units, as `length` does: never fewer than the
 * characters, however those are counted.
 */
export const LONGEST_EVENT = 65_536;

/** Deeper data would exhaust the stack of whoever reads it; no sensor nests like that. */
export const DEEPEST_NESTING = 200;

const ENVELOPE_KEYS: ReadonlySet<string> = new Set([
  "event_data",
  "observed_at",
  "stream",
  "add_client_ip",
]);

/** What stands beside `event_data`. Whatever is undefined is left out of the JSON. */
export interface EventAttributes {
  readonly observedAt?: Timestamp | undefined;
  /** Blank means the raw stream. */
  readonly stream?: string | undefined;
  readonly addClientIp?: boolean | undefined;
}

/** An event as a flow stated it: an envelope states attributes, plain data states none. */
export interface ShapedEvent extends EventAttributes {
  /** Plain data, the flow's own: to be encoded before the flow goes on. */
  readonly eventData: Readonly<Record<string, unknown>>;
}

/**
 * Shapes a flow's data: an object is the event data, or an envelope if it looks like one; text with a
 * JSON object is that object; anything else goes under `tag`. UTF-8 bytes are the text that they hold.
 * With `numericText` `"auto"`, text under the tag that is a JSON number becomes one.
 * Throws an M1Error that names the place for whatever JSON cannot carry (DATA_*), or ENVELOPE_*,
 * TIME_* for an envelope that states nonsense, or is nearly one.
 */
export function shapeEvent(
  data: unknown,
  tag: string,
  numericText: NumericText = "auto",
): ShapedEvent {
  const path: Path = ["event_data"];
  try {
    return shape(data, { tag, numericText }, path);
  } catch (error) {
    if (error instanceof M1Error) throw error;
    // A getter, a proxy or a toJSON of the flow's own threw, and `path` says where.
    const details = { place: placeOf(path), reason: excerpt(reasonOf(error)) };
    throw new M1Error("DATA_UNREADABLE", details, { cause: error });
  }
}

interface Shape {
  readonly tag: string;
  readonly numericText: NumericText;
}

function shape(data: unknown, { tag, numericText }: Shape, path: Path): ShapedEvent {
  const content = parsedContent(data);
  if (!isObject(content)) {
    if (content === null || content === undefined) throw missing(String(content));
    if (tag === "") throw new M1Error("TAG_EMPTY");
    path.push(tag);
    const isNumeric = numericText === "auto" && typeof content === "string";
    const number = isNumeric ? numberOfText(content) : undefined;
    return { eventData: { [tag]: number ?? plainOf(content, path) } };
  }
  if (isEnvelope(content)) {
    const eventData = plainOf(content.event_data, path);
    if (!isObject(eventData)) throw new M1Error("ENVELOPE_EVENT_DATA");
    return { eventData, ...envelopeAttributes(content) };
  }
  refuseNearEnvelope(content);
  const eventData = plainOf(content, path);
  if (isObject(eventData)) return { eventData };
  // Its toJSON makes a single value of the object, as a URL's does.
  if (eventData === null) throw missing("null");
  if (tag === "") throw new M1Error("TAG_EMPTY");
  return { eventData: { [tag]: eventData } };
}

function missing(value: string): M1Error {
  return new M1Error("DATA_MISSING", { value });
}

/**
 * The JSON to publish: what the event states wins over `defaults`.
 * Throws EVENT_TOO_LONG with both figures.
 */
export function encodeEvent(event: ShapedEvent, defaults: EventAttributes): string {
  const json = JSON.stringify({
    event_data: event.eventData,
    observed_at: event.observedAt ?? defaults.observedAt,
    stream: (event.stream ?? defaults.stream) || undefined,
    add_client_ip: (event.addClientIp ?? defaults.addClientIp) || undefined,
  });
  checkLength(json);
  return json;
}

/** An event as the server reads it off the wire. */
export interface ReceivedEvent extends EventAttributes {
  readonly eventData: Record<string, unknown>;
}

/**
 * Reads an event strictly: one that was published must give its time to the microsecond, one that
 * came by REST need not. Throws DATA_*, ENVELOPE_*, TIME_* or EVENT_TOO_LONG.
 */
export function decodeEvent(
  payload: Uint8Array,
  { by = "mqtt" }: { readonly by?: "mqtt" | "rest" } = {},
): ReceivedEvent {
  const text = utf8Text(payload);
  if (text === undefined) throw new M1Error("DATA_NOT_UTF8");
  checkLength(text.trim());
  const content = parseJson(text);
  if (!isObject(content)) throw new M1Error("ENVELOPE_NOT_OBJECT", { value: excerpt(text) });
  for (const key of Object.keys(content)) {
    if (!ENVELOPE_KEYS.has(key)) throw new M1Error("ENVELOPE_KEY", { key: excerpt(key) });
  }
  const { event_data: eventData, observed_at: observedAt } = content;
  if (!isObject(eventData)) throw new M1Error("ENVELOPE_EVENT_DATA");
  // What is read can still be too deep for whoever reads on, or hold 1e999, which reads as Infinity.
  if (!isPlainJson(eventData)) checkValue(eventData, ["event_data"], []);
  const isExact = by === "rest" ? typeof observedAt === "string" : isMicrosecondIso(observedAt);
  if (observedAt !== undefined && !isExact) {
    throw new M1Error("TIME_NOT_MICROSECONDS", quoted(observedAt));
  }
  return { eventData, ...envelopeAttributes(content) };
}

function checkLength(json: string): void {
  if (json.length > LONGEST_EVENT) {
    throw new M1Error("EVENT_TOO_LONG", { length: json.length, limit: LONGEST_EVENT });
  }
}

function isMicrosecondIso(value: unknown): boolean {
  return typeof value === "string" && /\.\d{6}(Z|[+-]\d\d:?\d\d)$/.test(value);
}

// --- what the data is -------------------------------------------------------------------------

function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return isPlain(value) || !SCALAR_TAGS.has(tagOf(value));
}

/** An object literal of any realm: what most data is, told from the rest without a look at its tag. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Text that holds a JSON object as that object, and bytes as their text. */
function parsedContent(data: unknown): unknown {
  if (typeof data === "string") return parsedObject(data);
  if (data instanceof Uint8Array || tagOfAny(data) === "Uint8Array") {
    const text = utf8Text(data as Uint8Array);
    if (text === undefined) throw new M1Error("DATA_NOT_UTF8");
    return parsedObject(text);
  }
  return data;
}

function parsedObject(text: string): unknown {
  if (!text.trimStart().startsWith("{")) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    // Text that merely begins with a brace is text; only a real syntax error lands here.
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function tagOfAny(value: unknown): string {
  return typeof value === "object" && value !== null ? tagOf(value) : "";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new M1Error("DATA_NOT_JSON", { value: excerpt(text) }, { cause });
  }
}

// --- the envelope -----------------------------------------------------------------------------

function isEnvelope(content: Record<string, unknown>): boolean {
  if (!isObject(content.event_data)) return false;
  for (const key of Object.keys(content)) {
    if (!ENVELOPE_KEYS.has(key)) return false;
  }
  return true;
}

/** What was meant as an envelope must not become a tag of that name: throws ENVELOPE_KEY for the key that is wrong. */
function refuseNearEnvelope(content: Record<string, unknown>): void {
  const keys = Object.keys(content);
  const isNear =
    isObject(content.event_data) ||
    (isObject(content.eventData) && keys.every((key) => ENVELOPE_KEYS.has(snakeCase(key))));
  const key = isNear && keys.find((each) => !ENVELOPE_KEYS.has(each));
  if (key) throw new M1Error("ENVELOPE_KEY", { key: excerpt(key) });
}

/** `observedAt` as `observed_at`. */
function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function envelopeAttributes(content: Record<string, unknown>): EventAttributes {
  const { observed_at: observedAt, stream, add_client_ip: addClientIp } = content;
  if (stream !== undefined && (typeof stream !== "string" || stream === "")) {
    throw new M1Error("ENVELOPE_STREAM", quoted(stream));
  }
  if (addClientIp !== undefined && typeof addClientIp !== "boolean") {
    throw new M1Error("ENVELOPE_ADD_CLIENT_IP", quoted(addClientIp));
  }
  return {
    observedAt: observedAt === undefined ? undefined : observedTime(observedAt),
    stream,
    addClientIp,
  };
}

// --- values that JSON cannot carry ------------------------------------------------------------

/**
 * The value as plain data. What JSON.stringify would drop or turn to null without a word is an error
 * with its place. null itself passes: the contract accepts it, and the server discards the tag.
 */
function plainOf(value: unknown, path: Path): unknown {
  if (isPlainJson(value)) return value;
  checkValue(value, path, []);
  const json: string | undefined = JSON.stringify(value);
  if (json === undefined) throw unsupported({ value: "undefined" }, path);
  return JSON.parse(json);
}

/**
 * Whether JSON carries the value as it is, as it does most data: no deeper than 200 levels, every
 * number finite. Keeps no track of the place: where the answer is no, `checkValue` finds out what is
 * wrong, if anything.
 */
export function isPlainJson(value: unknown): boolean {
  try {
    return isPlainPart(value, DEEPEST_NESTING);
  } catch {
    return false;
  }
}

function isPlainPart(value: unknown, deepest: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || deepest === 0) return false;
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      if (!isPlainPart(value[index], deepest - 1)) return false;
    }
    return true;
  }
  if (!isPlain(value)) return false;
  // Of all loops over keys the one that makes no list of them.
  for (const key in value) {
    if (!isPlainPart((value as Record<string, unknown>)[key], deepest - 1)) return false;
  }
  return true;
}

/** The message of an error of any realm; anything can be thrown, even what has no text: its type. */
function reasonOf(error: unknown): string {
  const reason = (error as { message?: unknown } | null | undefined)?.message ?? error;
  return typeof reason === "object" || typeof reason === "function"
    ? typeof reason
    : String(reason);
}

function checkValue(value: unknown, path: Path, ancestors: object[]): void {
  switch (typeof value) {
    case "string":
    case "boolean":
      return;
    case "number":
      if (!Number.isFinite(value)) throw unsupported({ value: String(value) }, path);
      return;
    case "object":
      if (value !== null) checkObject(value, path, ancestors);
      return;
    default:
      throw unsupported(value === undefined ? quoted(value) : { kind: typeof value }, path);
  }
}

function checkObject(value: object, path: Path, ancestors: object[]): void {
  if (!isPlain(value)) {
    if (ArrayBuffer.isView(value)) throw unsupported(instance(value), path);
    if (isInvalidDate(value)) throw unsupported({ kind: "invalidDate" }, path);
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON !== "function") {
    checkContent(value, path, ancestors);
    return;
  }
  // JSON.stringify takes what toJSON returns as it is, a toJSON of its own left alone.
  const content: unknown = toJSON.call(value, String(path.at(-1)));
  if (typeof content === "object" && content !== null) checkContent(content, path, ancestors);
  else checkValue(content, path, ancestors);
}

function isInvalidDate(value: object): boolean {
  return tagOf(value) === "Date" && Number.isNaN((value as Date).getTime());
}

function checkContent(value: object, path: Path, ancestors: object[]): void {
  if (ancestors.includes(value)) {
    throw new M1Error("DATA_CIRCULAR", { place: placeOf(path) });
  }
  if (ancestors.length >= DEEPEST_NESTING) {
    throw new M1Error("DATA_TOO_DEEP", { limit: DEEPEST_NESTING });
  }
  ancestors.push(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      path.push(index);
      checkValue(value[index], path, ancestors);
      path.pop();
    }
  } else {
    checkProperties(value, path, ancestors);
  }
  ancestors.pop();
}

function checkProperties(value: object, path: Path, ancestors: object[]): void {
  if (!isPlain(value)) {
    const tag = tagOf(value);
    if (OPAQUE_TAGS.has(tag)) throw unsupported(instance(value), path);
    if (SCALAR_TAGS.has(tag)) {
      checkValue((value as { valueOf(): unknown }).valueOf(), path, ancestors);
      return;
    }
  }
  for (const key of Object.keys(value)) {
    path.push(key);
    const member = (value as Record<string, unknown>)[key];
    // Function nodes make members that are undefined all the time; JSON leaves them out.
    if (member !== undefined) checkValue(member, path, ancestors);
    path.pop();
  }
}

function instance(value: object): ErrorDetails {
  return { kind: "instance", name: className(value) };
}

/** `what` is quoted, or a kind of value. */
function unsupported(what: ErrorDetails, path: Path): M1Error {
  return new M1Error("DATA_UNSUPPORTED", { ...what, place: placeOf(path) });
}
