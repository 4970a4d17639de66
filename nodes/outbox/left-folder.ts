// A folder that a connection has left which is in no flow any more: whose events are in it, and an outbox of them.
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import { EventKeys } from "./event-keys";
import { EventStore } from "./event-store";
import { Outbox } from "./outbox";
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
  readonly #path: string;

  constructor(outboxes: string, name: string) {
    this.#path = path.join(outboxes, name);
  }

  /** Rejects with OUTBOX_UNUSABLE or OUTBOX_NOT_LOADED. */
  async contents(): Promise<FolderContents> {
    try {
      const db = await openDatabase(this.#path);
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
    }
  }

  /** An outbox of one user's events, to be closed again. Rejects with what is wrong with the folder. */
  async open(identity: Identity): Promise<Outbox> {
    const store = new EventStore(this.#path, identity, "second");
    const outbox = new Outbox(POLICY, { store, storesNew: false });
    let fault: M1Error | undefined;
    outbox.onWarning = (warning) => {
      if (warning.code === "OUTBOX_UNUSABLE" || warning.code === "OUTBOX_NOT_LOADED")
        fault = warning;
    };
    await outbox.look(1);
    if (!fault) return outbox;
    await outbox.close();
    throw fault;
  }

  /** For good. Rejects with OUTBOX_UNUSABLE. */
  async remove(): Promise<void> {
    try {
      await rm(this.#path, { recursive: true, force: true });
    } catch (error) {
      throw unusable(error);
    }
  }
}
