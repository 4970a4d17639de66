// A copy of the files of a LevelDB folder, taken before LevelDB opens it: it deletes what a damaged list of its
// files does not name, and that may be most of the events.
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";

/** LevelDB changes it in place, or writes into it only what it did. */
const NOT_COPIED = /^(LOCK|LOG|LOG\.old)$/;
/** They never change once another process has opened the folder: a second name for them costs nothing. */
const UNCHANGING = /\.(ldb|sst|log)$|^MANIFEST-/;
/** So many copies of damaged folders are kept. */
const MOST_KEPT = 3;

export class DatabaseCopy {
  readonly #folder: string;
  #copy: string;

  private constructor(folder: string, copy: string) {
    this.#folder = folder;
    this.#copy = copy;
  }

  static async take(folder: string): Promise<DatabaseCopy> {
    const begun = new DatabaseCopy(folder, repairing(folder));
    if (begun.#isOfRepair) {
      await begun.restore();
      return begun;
    }
    // Another process may be about to find that it may not open the folder.
    const copy = new DatabaseCopy(folder, `${folder}.opening-${process.pid}`);
    await copy.discard();
    await copyFiles(folder, copy.#copy);
    return copy;
  }

  /** To be called before the folder is changed. Should this process end before the repair does, the next begins again with the copy. */
  async beginRepair(): Promise<void> {
    if (this.#isOfRepair) return;
    await rename(this.#copy, repairing(this.#folder));
    this.#copy = repairing(this.#folder);
  }

  get #isOfRepair(): boolean {
    return this.#copy === repairing(this.#folder) && existsSync(this.#copy);
  }

  /** Makes the folder again what it was. */
  async restore(): Promise<void> {
    await readdir(this.#copy);
    await this.empty();
    await copyFiles(this.#copy, this.#folder);
  }

  /** Leaves nothing in the folder. */
  async empty(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
  }

  async discard(): Promise<void> {
    await rm(this.#copy, { recursive: true, force: true });
  }

  /** When the folder could not be opened. */
  async giveUp(): Promise<void> {
    if (!this.#isOfRepair) await this.discard();
  }

  /** With those of processes that ended in the middle of opening. Only while the folder is open and intact. */
  async discardAll(): Promise<void> {
    await this.discard();
    // Another process may be discarding its own.
    for (const copy of await this.#siblings("opening"))
      await rm(copy, { recursive: true, force: true });
  }

  /** Keeps it for a person to look at, under the name that is returned; of several the oldest goes. */
  async keep(): Promise<string> {
    const kept = `${this.#folder}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    await rename(this.#copy, kept);
    const copies = await this.#siblings("damaged");
    for (const copy of copies.slice(0, -MOST_KEPT)) await rm(copy, { recursive: true });
    return kept;
  }

  /** In the order of their names. */
  async #siblings(kind: string): Promise<string[]> {
    const { dir, base } = path.parse(this.#folder);
    const names = (await readdir(dir)).filter((name) => name.startsWith(`${base}.${kind}-`));
    return names.sort().map((name) => path.join(dir, name));
  }
}

function repairing(folder: string): string {
  return `${folder}.repairing`;
}

async function copyFiles(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true });
  await mkdir(to, { recursive: true });
  for (const { name } of entries.filter((entry) => entry.isFile())) {
    if (NOT_COPIED.test(name)) continue;
    const [source, target] = [path.join(from, name), path.join(to, name)];
    if (!UNCHANGING.test(name)) await copyFile(source, target);
    // Not every file system has second names.
    else await link(source, target).catch(() => copyFile(source, target));
  }
}
