// What the broker would not have, or nobody can read, kept for a person to look at: a text file, one
// JSON object a line.
import { appendFile, rename, stat } from "node:fs/promises";
import type { StoredEvent } from "./event";

/** Bytes; a broker that refuses everything must not fill the disk. */
const LARGEST_FILE = 10_000_000;

export class Quarantine {
  readonly file: string;
  /** One after the other: two entries may not find the same file nearly full. */
  #earlier: Promise<void> = Promise.resolve();

  /** Does not touch the disk. */
  constructor(file: string) {
    this.file = file;
  }

  /** Adds an event. Rejects if the disk does. */
  add(event: StoredEvent, reason: string, now = new Date()): Promise<void> {
    const { acceptedAt, topic, payload, qos } = event;
    const times = { acceptedAt: isoTime(acceptedAt), refusedAt: now.toISOString() };
    return this.#append({ reason, ...times, topic, qos, payload });
  }

  /** Adds what should have been events. Rejects if the disk does. */
  addText(text: string, reason: string, now = new Date()): Promise<void> {
    return this.#append({ reason, foundAt: now.toISOString(), text });
  }

  #append(entry: object): Promise<void> {
    const appended = this.#earlier.then(() => this.#write(`${JSON.stringify(entry)}\n`));
    this.#earlier = appended.catch(() => undefined);
    return appended;
  }

  /** A full file is kept once, as `<file>.old`. */
  async #write(line: string): Promise<void> {
    const size = await this.#size();
    if (size > 0 && size + Buffer.byteLength(line) > LARGEST_FILE) {
      await rename(this.file, `${this.file}.old`);
    }
    await appendFile(this.file, line, { mode: 0o600 });
  }

  async #size(): Promise<number> {
    try {
      return (await stat(this.file)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return 0;
    }
  }
}

/** Damage makes numbers that no Date can hold. */
function isoTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? String(milliseconds) : date.toISOString();
}
