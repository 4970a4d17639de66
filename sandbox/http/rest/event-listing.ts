// GET /v2/events: which of the stored events are asked for, and in which order (wire-contract: REST).
import { excerpt, M1Error } from "../../../nodes/protocol/errors";
import { type Timestamp, timestamp } from "../../../nodes/protocol/timestamp";
import type { StoredEvent } from "../../cloud/stored-event";
import { Declined } from "../declined";

/** As many as Medium One gives at the most, and without a limit. */
const MOST_EVENTS = 10_000;

const SORT_KEYS = ["observed_at", "received_at", "internal"] as const;
const DIRECTIONS = ["asc", "desc"] as const;

export interface EventListing {
  /** Both exclusive, and of the time of observation. */
  readonly since: Timestamp | undefined;
  readonly until: Timestamp | undefined;
  readonly limit: number;
  readonly sortBy: (typeof SORT_KEYS)[number];
  readonly direction: (typeof DIRECTIONS)[number];
}

/** Throws 400 QUERY for a value that is none; what else the query holds is let be. */
export function eventListing(query: NodeJS.Dict<string>): EventListing {
  return {
    since: timeOf(query, "since"),
    until: timeOf(query, "until"),
    limit: limitOf(query),
    sortBy: choiceOf(query, "sort_by", SORT_KEYS),
    direction: choiceOf(query, "sort_direction", DIRECTIONS),
  };
}

/** `events` are in the order in which they were received. */
export function listed(
  events: readonly StoredEvent[],
  { since, until, limit, sortBy, direction }: EventListing,
): StoredEvent[] {
  const within = events.filter(
    ({ observedAt }) =>
      (since === undefined || observedAt > since) && (until === undefined || observedAt < until),
  );
  // Timestamps are all of one form, so that text order is time order; sorting is stable.
  if (sortBy === "observed_at")
    within.sort((one, other) => compare(one.observedAt, other.observedAt));
  if (direction === "desc") within.reverse();
  return within.slice(0, limit);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function timeOf(query: NodeJS.Dict<string>, name: string): Timestamp | undefined {
  const { [name]: text } = query;
  if (text === undefined) return undefined;
  try {
    return timestamp(text);
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    throw wrong(name, "an ISO 8601 time with a zone (a + in it written %2B)", text);
  }
}

function limitOf(query: NodeJS.Dict<string>): number {
  const { limit: text } = query;
  if (text === undefined) return MOST_EVENTS;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : MOST_EVENTS + 1;
  if (limit <= MOST_EVENTS) return limit;
  throw wrong("limit", `a whole number up to ${MOST_EVENTS}`, text);
}

function choiceOf<Choice extends string>(
  query: NodeJS.Dict<string>,
  name: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const { [name]: text = choices[0] } = query;
  const choice = choices.find((candidate) => candidate === text);
  if (choice !== undefined) return choice;
  throw wrong(name, `one of ${choices.join(", ")}`, text);
}

function wrong(name: string, accepted: string, value: string): Declined {
  return Declined.because(400, "QUERY", { name, accepted, value: excerpt(value) });
}

/** The document of each event, as it is asked for. */
export function* documents(events: readonly StoredEvent[]): Generator<string> {
  for (const { observedAt, receivedAt, eventData } of events) {
    const document = { observed_at: observedAt, received_at: receivedAt, event_data: eventData };
    yield `${JSON.stringify(document)}\n`;
  }
}
