// All that waits in an outbox, or is in quarantine, as JSON lines: written as fast as it is read, never all in memory.
import { once } from "node:events";
import type { Writable } from "node:stream";
import type { Outbox } from "../outbox/outbox";
import type { NumberedEntry, Refused } from "../outbox/quarantine-entry";
import { parseEventTopic } from "../protocol/topics";

const READ_AT_ONCE = 500;
/** Milliseconds for whoever downloads to take something of what was sent. */
const PATIENCE = 30_000;

/** Rejects if the disk does. */
export async function* waitingLines(outbox: Outbox): AsyncGenerator<string> {
  let shown = await outbox.look(READ_AT_ONCE);
  for (;;) {
    yield shown.events.map((event) => line(eventLine(event))).join("");
    if (!shown.next) return;
    shown = await outbox.look(READ_AT_ONCE, shown.next);
  }
}

/** The youngest first. Rejects if the disk does. */
export async function* quarantineLines({ quarantine }: Outbox): AsyncGenerator<string> {
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    // What is in memory would be read in one turn.
    await new Promise(setImmediate);
    const entries = await quarantine.read(before, READ_AT_ONCE);
    yield entries.map((entry) => line(entryLine(entry))).join("");
    const last = entries.at(-1);
    if (!last) return;
    before = last.id;
  }
}

/** Resolves when all is written, or nobody wants it any more. */
export async function write(lines: AsyncIterable<string>, to: Writable): Promise<void> {
  for await (const text of lines) {
    if (to.destroyed) return;
    if (!to.write(text)) await drained(to);
  }
  to.end();
}

/** Or closed, or so slow that nobody may wait for it: a folder that is downloaded is open meanwhile. */
async function drained(to: Writable): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const late = setTimeout(() => to.destroy(), PATIENCE);
  try {
    await Promise.race([once(to, "drain", { signal }), once(to, "close", { signal })]);
  } finally {
    clearTimeout(late);
    over.abort();
  }
}

function line(entry: object): string {
  return `${JSON.stringify(entry)}\n`;
}

function entryLine({ quarantinedAt, code, reason, event, text }: NumberedEntry): object {
  return {
    quarantinedAt: isoTime(quarantinedAt),
    ...(code !== "" && { code }),
    reason,
    ...(event && eventLine(event)),
    ...(text !== undefined && { text }),
  };
}

function eventLine({ acceptedAt, topic, payload, qos }: Refused): object {
  const deviceId = parseEventTopic(topic)?.deviceId ?? "";
  return { acceptedAt: isoTime(acceptedAt), deviceId, topic, qos, event: parsed(payload) };
}

/** Damage makes numbers that no Date can hold. */
function isoTime(milliseconds: number): string | number {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? milliseconds : date.toISOString();
}

/** What version 0.1.0 read from a damaged disk may be no JSON. */
function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}
