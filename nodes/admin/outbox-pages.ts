// What waits in an outbox or is in quarantine, a part at a time: nobody gets all of a million events at once.
import type { Place } from "../outbox/event-queue";
import type { Outbox } from "../outbox/outbox";
import type { NumberedEntry, Refused, Selection } from "../outbox/quarantine-entry";
import { excerpt, M1Error } from "../protocol/errors";
import { type Identity, isSameUser, parseEventTopic } from "../protocol/topics";
import type { Asked } from "./offer";
import type { Page, QuarantinedEvent, QuarantinePage, ShownEvent } from "./outbox-answers";

/** What a page is to be of. */
export interface Wanted {
  readonly after: string;
  readonly limit: number;
  /** Part of a device ID, in small letters. */
  readonly device: string;
}

const LIMIT = 20;
const MOST = 200;
/** So many events are searched for one page. */
const SEARCHED = 5_000;
const READ_AT_ONCE = 500;
/** Bytes: a page with more of them ends there. */
const MOST_BYTES = 1_000_000;
/** Characters that are shown of what could not be read. */
const SHOWN_TEXT = 2_000;

/** `?after=&limit=&device=`. Throws REQUEST_INVALID. */
export function wantedPage({ query }: Asked): Wanted {
  const { after = "", limit = String(LIMIT), device = "" } = query;
  if (typeof after !== "string" || !/^(\d{1,16}(\.\d{1,16})?)?$/.test(after)) {
    throw invalid("after", after);
  }
  const count = typeof limit === "string" ? Number(limit) : Number.NaN;
  if (!(Number.isInteger(count) && count >= 1 && count <= MOST)) throw invalid("limit", limit);
  if (typeof device !== "string") throw invalid("device", device);
  return { after, limit: count, device: device.toLowerCase() };
}

export function invalid(name: string, value: unknown): M1Error {
  return new M1Error("REQUEST_INVALID", { name, value: excerpt(JSON.stringify(value) ?? "") });
}

/** Rejects if the disk does. */
export async function waitingPage(outbox: Outbox, wanted: Wanted): Promise<Page<ShownEvent>> {
  const events: ShownEvent[] = [];
  let bytes = 0;
  let after = placeOf(wanted.after);
  for (let searched = 0; searched < SEARCHED; ) {
    const limit = readAtOnce(wanted);
    const { events: waiting, next } = await outbox.look(limit, after);
    for (const event of waiting) {
      const shown = shownEvent(event);
      if (!matches(shown, wanted.device)) continue;
      events.push(shown);
      bytes += shown.size;
      if (events.length === wanted.limit || bytes >= MOST_BYTES)
        return event === waiting.at(-1) && !next
          ? { events }
          : { events, next: placeText(event.place) };
    }
    if (!next) return { events };
    // Of a damaged disk, all of them may be missing.
    searched += limit;
    after = next;
  }
  return { events, next: placeText(after) };
}

/** A search reads many for the few that it finds. */
function readAtOnce({ device, limit }: Wanted): number {
  return device === "" ? limit : READ_AT_ONCE;
}

function placeText({ sequence, inMemory }: Place): string {
  return `${sequence}.${inMemory}`;
}

function placeOf(text: string): Place {
  const [sequence = 0, inMemory = 0] = text.split(".").map(Number);
  return { sequence, inMemory };
}

/** The youngest first. Rejects if the disk does. */
export async function quarantinePage(
  { quarantine }: Outbox,
  identity: Identity,
  wanted: Wanted,
): Promise<QuarantinePage> {
  const { reasons } = quarantine;
  const events: QuarantinedEvent[] = [];
  let bytes = 0;
  let before = wanted.after === "" ? Number.MAX_SAFE_INTEGER : Number.parseInt(wanted.after, 10);
  for (let searched = 0; searched < SEARCHED; ) {
    const entries = await quarantine.read(before, readAtOnce(wanted));
    if (entries.length === 0) return { events, reasons };
    for (const entry of entries) {
      before = entry.id;
      const shown = quarantined(entry, identity);
      const isWanted = wanted.device === "" || (shown.event && matches(shown.event, wanted.device));
      if (!isWanted) continue;
      events.push(shown);
      bytes += shown.event?.size ?? 0;
      if (events.length === wanted.limit || bytes >= MOST_BYTES)
        return { events, reasons, next: String(before) };
    }
    searched += entries.length;
  }
  return { events, reasons, next: String(before) };
}

function matches({ deviceId }: ShownEvent, device: string): boolean {
  return deviceId.toLowerCase().includes(device);
}

function quarantined(entry: NumberedEntry, identity: Identity): QuarantinedEvent {
  const { id, quarantinedAt, code, details, reason, event, text } = entry;
  return {
    id,
    quarantinedAt,
    ...(code !== "" && { error: { code, details } }),
    reason,
    ...(event && { event: shownEvent(event) }),
    ...(text !== undefined && { text: text.slice(0, SHOWN_TEXT) }),
    isForeign: event !== undefined && !isOf(identity, event),
  };
}

/** Whether the event is that user's, and so may be sent as one of theirs. */
export function isOf(identity: Identity, { topic }: Pick<Refused, "topic">): boolean {
  const address = parseEventTopic(topic);
  return address !== undefined && isSameUser(address, identity);
}

function shownEvent({ acceptedAt, topic, payload, qos }: Refused): ShownEvent {
  const deviceId = parseEventTopic(topic)?.deviceId ?? "";
  const size = topic.length + Buffer.byteLength(payload);
  return { acceptedAt, topic, deviceId, payload, qos, size };
}

/** Throws REQUEST_INVALID. */
export function selectionOf(asked: Record<string, unknown>): Selection {
  const { ids, code, ...others } = asked;
  // What is written wrongly must not mean all.
  if (Array.isArray(asked)) throw invalid("ids", asked);
  const [other] = Object.entries(others);
  if (other) throw invalid(...other);
  const areIds = Array.isArray(ids) && ids.length <= MOST && ids.every(Number.isSafeInteger);
  if (ids !== undefined && !areIds) throw invalid("ids", ids);
  if (code !== undefined && typeof code !== "string") throw invalid("code", code);
  return { ids: ids as number[] | undefined, code };
}
