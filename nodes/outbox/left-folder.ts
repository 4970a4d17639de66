// A folder that a connection has left which is in no flow any more: whose events are in it, and an outbox of them.
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import { EventKeys } from "./event-keys";
import { EventStore } from "./event-store";
import { isAwaited, isTaken, takeFolder } from "./folder-use";
import { Outbox } from "./outbox";
import { hasQuarantineFile, removeFiles } from "./quarantine-file";
import { unusable } from "./store-errors";
import { openDatabase } from "./store-opening";
import { StoredQuarantine } from "./stored-quarantine";

/** Beside them lie copies of damaged ones (database-copy.ts). */
const COPY = /\.(repairing|damaged-.*|opening-\d+)$/;
/** It takes no more events, and keeps those that it has. */
const POLICY = {
  limit: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  full: "reject",
  maxAge: Number.POSITIVE_INFINITY,
} as const;

/** The names of all folders of connections, in use or not. Rejects with what the disk says. */
export async function folderNames(outboxes: string): Promise<string[]> {
  const entries = await readdir(outboxes, { withFileTypes: true }).catch((error: unknown) => {
    // Nothing has ever been kept on disk.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const folders = entries.filter((entry) => entry.isDirectory() && !COPY.test(entry.name));
  return folders.map(({ name }) => name);
}

export interface FolderContents {
  /** Whose events there may be. */
  readonly identities: readonly Identity[];
  /** How many events of any of them are in quarantine. */
  readonly quarantined: number;
}

export class LeftFolder {
  readonly #name: string;
  readonly #path: string;

  constructor(outboxes: string, name: string) {
    this.#name = name;
    this.#path = path.join(outboxes, name);
  }

  /** A connection waits for it: with a deploy it has come back. */
  get isAwaited(): boolean {
    return isAwaited(this.#path);
  }

  /** Rejects with OUTBOX_UNUSABLE, OUTBOX_NOT_LOADED or, if a connection has it, OUTBOX_UNKNOWN. */
  async contents(): Promise<FolderContents> {
    const release = await this.#take();
    try {
      const db = await openDatabase(this.#path, { createIfMissing: false });
      try {
        const quarantine = new StoredQuarantine();
        await quarantine.open(db);
        const identities = await EventKeys.identitiesIn(db);
        return { identities, quarantined: quarantine.count };
      } finally {
        await db.close();
      }
    } catch (error) {
      throw unusable(error);
    } finally {
      release();
    }
  }

  /** An outbox of one user's events, to be closed again. Rejects as `contents`. */
  async open(identity: Identity): Promise<Outbox> {
    this.#checkFree();
    const store = new EventStore(this.#path, identity, "second");
    const outbox = new Outbox(POLICY, { store, storesNew: false });
    let fault: M1Error | undefined;
    outbox.onWarning = (warning) => {
      if (warning.code === "OUTBOX_UNUSABLE" || warning.code === "OUTBOX_NOT_LOADED")
        fault = warning;
    };
    try {
      await outbox.look(1);
      if (fault) throw fault;
      return outbox;
    } catch (error) {
      await outbox.close();
      throw error;
    }
  }

  /** Removes it if nothing is in it any more. Rejects as `contents`. */
  async removeIfEmpty(): Promise<void> {
    const { identities, quarantined } = await this.contents();
    if (identities.length + quarantined > 0 || hasQuarantineFile(this.#path)) return;
    await this.remove();
  }

  /** For good, with what version 0.1.0 put beside it. Rejects with OUTBOX_UNUSABLE or OUTBOX_UNKNOWN. */
  async remove(): Promise<void> {
    const release = await this.#take();
    try {
      await rm(this.#path, { recursive: true, force: true });
      await removeFiles(this.#path);
    } catch (error) {
      throw unusable(error);
    } finally {
      release();
    }
  }

  #take(): Promise<() => void> {
    this.#checkFree();
    return takeFolder(this.#path);
  }

  #checkFree(): void {
    if (isTaken(this.#path)) throw new M1Error("OUTBOX_UNKNOWN", { name: this.#name });
  }
}
