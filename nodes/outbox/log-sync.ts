// Makes sure that what LevelDB has written to its logs is on the disk itself, and survives a power cut.
import { open, readdir } from "node:fs/promises";
import path from "node:path";

/**
 * LevelDB's own way, `sync` in a write, leaves out what stands in the log before the present one, and refuses all
 * later writes when it fails once. Its other files it syncs itself.
 */
export class LogSync {
  readonly #folder: string;
  /** The names whose being there is on the disk. */
  #names = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Rejects with what the disk says; ENOENT where the folder is gone. */
  async sync(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(".log"));
    for (const name of names) await syncFile(path.join(this.#folder, name));
    if (names.join() !== this.#names) await this.#syncNames();
    this.#names = names.join();
  }

  async #syncNames(): Promise<void> {
    // Windows keeps names safe itself, and opens no folder.
    if (process.platform !== "win32") await syncFile(this.#folder, "r");
  }
}

async function syncFile(file: string, flags = "r+"): Promise<void> {
  const handle = await open(file, flags).catch(isGone);
  if (!handle) return;
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** LevelDB has made a table of it meanwhile, and that it has synced. */
function isGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
