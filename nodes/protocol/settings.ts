// The settings that are numbers or one of a few words: read from the text a dialog stores.
import { type FieldName, M1Error, quoted } from "./errors";

const OUTBOX_KINDS = ["disk", "memory"] as const;
const OUTBOX_FULL = ["reject", "drop-oldest"] as const;
const OUTBOX_SYNC = ["second", "always", "never"] as const;
const COMPLETE = ["delivered", "stored"] as const;
const ACTIONS = ["subscribe", "unsubscribe", "getSubscriptions"] as const;
const NUMERIC_TEXT = ["auto", "keep"] as const;
const RECEIVE = ["all", "event", "update"] as const;
const DATATYPES = ["auto-detect", "json", "utf8", "buffer", "base64"] as const;

const HOUR = 3_600_000;

export type QoS = 0 | 1 | 2;
export type OutboxKind = (typeof OUTBOX_KINDS)[number];
export type OutboxFull = (typeof OUTBOX_FULL)[number];
/** How much a power cut may take: what was accepted in the last second, nothing, or what the system has not written yet. */
export type OutboxSync = (typeof OUTBOX_SYNC)[number];
/** When a message is done: its event acknowledged by the broker, or accepted into the outbox. */
export type Complete = (typeof COMPLETE)[number];
/** What a message to a receiving node asks for. */
export type Action = (typeof ACTIONS)[number];
/** Whether text that is a number becomes one. */
export type NumericText = (typeof NUMERIC_TEXT)[number];
export type Receive = (typeof RECEIVE)[number];
export type Datatype = (typeof DATATYPES)[number];
/** MQTT 3.1.1 or 5, by the number that goes over the wire. */
export type ProtocolVersion = 4 | 5;

/** Throws SETTING_CHOICE. */
export function qos(value: unknown): QoS {
  return Number(choice(text(value) ?? value, "qos", ["0", "1", "2"])) as QoS;
}

export function protocolVersion(value: unknown): ProtocolVersion {
  return Number(choice(text(value) ?? value, "protocolVersion", ["4", "5"])) as ProtocolVersion;
}

export function outboxKind(value: unknown): OutboxKind {
  return choice(value, "outbox", OUTBOX_KINDS);
}

export function outboxFull(value: unknown): OutboxFull {
  return choice(value, "outboxFull", OUTBOX_FULL);
}

export function outboxSync(value: unknown): OutboxSync {
  return choice(value, "outboxSync", OUTBOX_SYNC);
}

export function complete(value: unknown): Complete {
  return choice(value, "complete", COMPLETE);
}

export function action(value: unknown): Action {
  return choice(value, "action", ACTIONS);
}

export function numericText(value: unknown): NumericText {
  return choice(value, "numericText", NUMERIC_TEXT);
}

/** Whether a receiving node has an input: then messages say what it subscribes to. */
export function inputs(value: unknown): boolean {
  return choice(text(value) ?? value, "inputs", ["0", "1"]) === "1";
}

export function receive(value: unknown): Receive {
  return choice(value, "receive", RECEIVE);
}

export function datatype(value: unknown): Datatype {
  return choice(value, "datatype", DATATYPES);
}

/** Seconds; 0 turns keep-alive off (MQTT-3.1.2-24 holds two bytes). */
export function keepalive(value: unknown): number {
  return wholeNumber(value, "keepalive", 0, 65_535);
}

/** How many events may wait. */
export function outboxLimit(value: unknown): number {
  return wholeNumber(value, "outboxLimit", 1, 100_000_000);
}

/** Megabytes as bytes: how much the topics and payloads may be that wait. */
export function outboxMegabytes(value: unknown): number {
  return positiveNumber(value, "outboxMegabytes") * 1_000_000;
}

/** Hours as milliseconds; blank is for ever. */
export function outboxMaxAge(value: unknown): number {
  return isBlank(value) ? Number.POSITIVE_INFINITY : positiveNumber(value, "outboxMaxAge") * HOUR;
}

/** Events per second; blank is as fast as the broker acknowledges. */
export function sendRate(value: unknown): number {
  return isBlank(value) ? Number.POSITIVE_INFINITY : positiveNumber(value, "sendRate");
}

/** A further level of the topic's tail to select by; blank is any. Throws UPDATE_TYPE. */
export function updateType(value: unknown): string {
  if (isBlank(value)) return "";
  // A type may have several levels, none of them empty or with a wildcard (wire-contract: Topics).
  if (typeof value !== "string" || !/^[^/+#\0]+(\/[^/+#\0]+)*$/.test(value)) {
    throw new M1Error("UPDATE_TYPE", quoted(value));
  }
  return value;
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

/** Throws SETTING_NUMBER. */
function positiveNumber(value: unknown, field: FieldName): number {
  const number = Number(text(value)?.trim() || Number.NaN);
  if (Number.isFinite(number) && number > 0) return number;
  throw new M1Error("SETTING_NUMBER", { field, ...quoted(value) });
}

/** Dialogs store numbers as text; flows written by hand may hold the number. */
function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" ? value : undefined;
}

function choice<const Word extends string>(
  value: unknown,
  field: FieldName,
  words: readonly Word[],
): Word {
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) {
    throw new M1Error("SETTING_CHOICE", {
      field,
      ...quoted(value),
      choices: words.join(", "),
    });
  }
  return word;
}

function wholeNumber(value: unknown, field: FieldName, least: number, most: number): number {
  const digits = (text(value) ?? "").trim();
  const number = /^\d{1,9}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new M1Error("SETTING_RANGE", { field, ...quoted(value), least, most });
  }
  return number;
}
