// What happened as the rows of the console's lists: in its words, and cut to what a row can show.
import { username } from "../../../nodes/protocol/credentials";
import { excerpt } from "../../../nodes/protocol/errors";
import { type ConnectedClient, type Refusal, refusedOne, type Sent } from "../../cloud/activity";
import { ruleBehind } from "../../cloud/refusal-rules";
import type { StoredEvent } from "../../cloud/stored-event";
import type { ClientRow, EventRow, RefusalRow, RetainedRow, SentRow } from "./console-messages";
import type { Filter } from "./filter";
import { shortNumber } from "./short-number";
import { shownTags, valueText } from "./shown-tags";

/** Characters of a name; more than that a name may have (names.ts), but no row. */
export const LONGEST_SHOWN_NAME = 200;
const LONGEST_VALUE = 80;
const LONGEST_PAYLOAD = 300;
/** Of an event in its row. */
const MOST_TAGS = 12;
const MOST_FILTERS = 12;
/** Milliseconds between observation and arrival; most events take a few. */
const WORTH_TELLING = 1000;

export function eventRow(event: StoredEvent, filter: Filter): EventRow {
  const { receivedAt, observedAt, deviceId, stream } = event;
  const tags = filter.ordered(shownTags(event));
  return {
    kind: "event",
    at: receivedAt,
    ...(isLate(observedAt, receivedAt) && { observedAt }),
    user: username(event),
    deviceId: excerpt(deviceId, LONGEST_SHOWN_NAME),
    stream: excerpt(stream, LONGEST_SHOWN_NAME),
    tags: tags.slice(0, MOST_TAGS).map(([name, value]) => [excerpt(name), ...valueTexts(value)]),
    moreTags: Math.max(tags.length - MOST_TAGS, 0),
  };
}

function isLate(observedAt: string, receivedAt: string): boolean {
  return Math.abs(Date.parse(receivedAt) - Date.parse(observedAt)) >= WORTH_TELLING;
}

/** As it is shown, and as it is if that is more. */
function valueTexts(value: unknown): [shown: string, all?: string] {
  const all = valueText(value);
  const short = typeof value === "string" ? value : JSON.stringify(value, withShortNumbers);
  const shown = excerpt(short, LONGEST_VALUE);
  return shown === all ? [shown] : [shown, excerpt(all, LONGEST_PAYLOAD)];
}

function withShortNumbers(_name: string, value: unknown): unknown {
  return typeof value === "number" ? shortNumber(value) : value;
}

export function sentRow({ sentAt, topic, payload, retain, notRetained }: Sent): SentRow {
  return {
    kind: "sent",
    at: sentAt,
    topic: excerpt(topic, LONGEST_SHOWN_NAME),
    payload: payloadText(payload),
    retain,
    ...(notRetained && { notRetained }),
  };
}

function payloadText(payload: Buffer): string {
  // Four bytes a character at the most.
  return excerpt(payload.subarray(0, LONGEST_PAYLOAD * 4).toString("utf8"), LONGEST_PAYLOAD);
}

export function refusalRow(refusal: Refusal): RefusalRow {
  const { at, what, topic, filter, returnCode, status } = refusal;
  const { code, reason } = refusal;
  const answer = returnCode ?? status;
  const place = excerpt(topic ?? filter ?? "", LONGEST_SHOWN_NAME);
  const action = what !== "memory" ? what : place ? "no room for" : "no room";
  const one = {
    at,
    times: 1,
    who: excerpt(refusedOne(refusal), LONGEST_SHOWN_NAME),
    what: [action, place, answer && `(${answer})`].filter(Boolean).join(" "),
    reason: excerpt(reason, LONGEST_PAYLOAD),
  };
  return { times: 1, code, ...ruleBehind(code, topic), places: [one] };
}

export function clientRow({
  clientId,
  username: user,
  clean,
  subscriptions,
}: ConnectedClient): ClientRow {
  return {
    clientId,
    user,
    session: clean ? "clean session" : "persistent session",
    filters: subscriptions
      .slice(0, MOST_FILTERS)
      .map(({ filter }) => excerpt(filter, LONGEST_SHOWN_NAME)),
    moreFilters: Math.max(subscriptions.length - MOST_FILTERS, 0),
  };
}

export function retainedRow({ topic, payload, sentAt }: Sent): RetainedRow {
  return { topic, payload: payloadText(payload), at: sentAt };
}
