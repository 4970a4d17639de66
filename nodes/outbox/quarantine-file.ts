// The quarantine of version 0.1.0: text files beside the folder of the outbox, one JSON object a line. They are taken
// over once.
import { createReadStream, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { QoS } from "../protocol/settings";
import { isInRange } from "../protocol/timestamp";
import { type QuarantineEntry, unreadableEntry } from "./quarantine-entry";

/** So many are written at once. */
const BATCH = 500;

/** The older first. */
function filesOf(folder: string): string[] {
  const file = `${folder}.quarantine.jsonl`;
  return [`${file}.old`, file].filter((name) => existsSync(name));
}

export function hasQuarantineFile(folder: string): boolean {
  return filesOf(folder).length > 0;
}

/** Rejects with what the disk says. */
export async function removeFiles(folder: string): Promise<void> {
  for (const file of filesOf(folder)) await rm(file, { recursive: true });
}

/**
 * Calls `add` with all that the files hold, and deletes each when that is done and `commit` has made sure of it. Rejects
 * if one of them or the disk does.
 */
export async function takeOverFiles(
  folder: string,
  add: (entries: readonly QuarantineEntry[]) => Promise<void>,
  commit: () => Promise<void>,
): Promise<void> {
  for (const file of filesOf(folder)) {
    let entries: QuarantineEntry[] = [];
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line !== "") entries.push(entryOf(line));
      if (entries.length < BATCH) continue;
      await add(entries);
      entries = [];
    }
    await add(entries);
    await commit();
    await rm(file);
  }
}

function entryOf(line: string): QuarantineEntry {
  try {
    const { reason, refusedAt, foundAt, acceptedAt, topic, qos, payload, text } = JSON.parse(line);
    const quarantinedAt = timeOf(refusedAt ?? foundAt);
    const common = { quarantinedAt, code: "", details: {}, reason: String(reason) } as const;
    if (text !== undefined) return { ...common, text: String(text) };
    if (typeof topic !== "string" || typeof payload !== "string" || !isQoS(qos))
      throw new SyntaxError("it is not an event");
    return { ...common, event: { acceptedAt: timeOf(acceptedAt), topic, payload, qos } };
  } catch (error) {
    // A line that was cut off, or that a bad disk has changed.
    return unreadableEntry(line, (error as Error).message);
  }
}

function isQoS(qos: unknown): qos is QoS {
  return qos === 0 || qos === 1 || qos === 2;
}

/** Milliseconds since 1970; damage made times that are none. */
function timeOf(text: unknown): number {
  const time = Date.parse(String(text));
  return isInRange(time) ? time : 0;
}
