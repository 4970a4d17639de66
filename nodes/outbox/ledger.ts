// How far a queue on disk had got, in a small file beside its database: what the database has lost shows by it.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import type { Identity } from "../protocol/topics";
import { isSealed, seal, unseal } from "./seal";

/** Sequence numbers. */
export interface Position {
  /** Of the newest event. */
  readonly newest: number;
  /** All before it have left. */
  readonly watermark: number;
}

/** Bytes of an entry. There are two, written in turn: one that was cut off in the middle leaves the other. */
const ENTRY = 64;
const NOTHING: Position = { newest: 0, watermark: 0 };

export class Ledger {
  readonly #file: string;
  readonly #key: string;
  #turn = 0;

  /** Does not touch the disk. */
  constructor(folder: string, { projectMqtt, userMqtt }: Identity) {
    this.#key = `ledger/${projectMqtt}/${userMqtt}`;
    const name = createHash("sha1").update(this.#key).digest("hex").slice(0, 16);
    // Not one of LevelDB's names: it leaves others alone.
    this.#file = path.join(folder, `ledger-${name}`);
  }

  /** The last position that was written; zeros if nothing of it can be read. */
  async read(): Promise<Position> {
    // One that is not there, or cannot be read, says nothing.
    const text = await readFile(this.#file, "latin1").catch(() => "");
    const entries = [text.slice(0, ENTRY), text.slice(ENTRY)].map((entry) => this.#parse(entry));
    return {
      newest: Math.max(...entries.map(({ newest }) => newest)),
      watermark: Math.max(...entries.map(({ watermark }) => watermark)),
    };
  }

  /** Rejects with what the disk says; ENOENT where the folder is gone. */
  async write({ newest, watermark }: Position): Promise<void> {
    const entry = seal(this.#key, `${newest} ${watermark}`).padEnd(ENTRY, "\n");
    const file = await open(this.#file, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      await file.write(entry, ENTRY * this.#turn);
    } finally {
      await file.close();
    }
    this.#turn = 1 - this.#turn;
  }

  #parse(entry: string): Position {
    if (!isSealed(entry)) return NOTHING;
    try {
      const [newest, watermark] = unseal(this.#key, entry.trimEnd()).split(" ").map(Number);
      return newest && watermark ? { newest, watermark } : NOTHING;
    } catch {
      // It was being written, or the disk has changed it.
      return NOTHING;
    }
  }
}
