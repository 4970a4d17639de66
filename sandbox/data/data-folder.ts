// The folder in which a sandbox keeps what outlives it: a LevelDB database, and beside it a file that says
// that the folder is a sandbox's, and in which format.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ClassicLevel } from "classic-level";
import { seal, unseal } from "../../nodes/outbox/seal";
import { isDamage, reasonOf } from "../../nodes/outbox/store-errors";
import { SandboxError } from "../sandbox-error";

const FORMAT = 1;
const MARK = "m1-sandbox.json";
const DATABASE = "database";

export type Entry = readonly [key: string, value: unknown];

/** Of keys in their order, both ends included. */
export interface Range {
  readonly gte: string;
  readonly lte: string;
}

export class DataFolder {
  readonly #folder: string;
  readonly #db: ClassicLevel;

  private constructor(folder: string, db: ClassicLevel) {
    this.#folder = folder;
    this.#db = db;
  }

  /**
   * The folder is made if it is not there, and nobody else has it until it is closed. Rejects with
   * a SandboxError whose code begins with DATA_.
   */
  static async open(folder: string): Promise<DataFolder> {
    try {
      await claim(folder);
      return new DataFolder(folder, await openDatabase(path.join(folder, DATABASE)));
    } catch (error) {
      throw failure(folder, error);
    }
  }

  /** What is stored in the range, in order. Rejects with SandboxError DATA_DAMAGED or DATA_UNUSABLE. */
  async read(range: Range): Promise<Entry[]> {
    try {
      const found = await this.#db.iterator(range).all();
      return found.map(([key, text]) => [key, JSON.parse(unseal(key, text))]);
    } catch (error) {
      throw failure(this.#folder, error);
    }
  }

  /** Deletes first. All of it is done or, if that fails, nothing; once it has resolved, a power cut does not take it. */
  async write(put: readonly Entry[], deleted: readonly string[]): Promise<void> {
    const operations = [
      ...deleted.map((key) => ({ type: "del", key }) as const),
      ...put.map(([key, value]) => {
        return { type: "put", key, value: seal(key, JSON.stringify(value)) } as const;
      }),
    ];
    await this.#db.batch(operations, { sync: true });
  }

  async clear(range: Range): Promise<void> {
    await this.#db.clear(range);
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** Makes the folder a sandbox's, or makes sure that it is. */
async function claim(folder: string): Promise<void> {
  const names = await namesIn(folder);
  const file = path.join(folder, MARK);
  if (names.length > 0 && !names.includes(MARK)) throw SandboxError.dataForeign(folder);
  const text = names.length > 0 ? await readFile(file, "utf8") : "";
  // Empty where the disk was full when it was to be written.
  if (text === "" && !names.includes(DATABASE)) {
    await writeFile(file, `{"format":${FORMAT}}\n`, { flush: true });
    return;
  }
  const mark = JSON.parse(text) as { format?: unknown } | null;
  if (mark?.format !== FORMAT) throw SandboxError.dataFormat(folder, mark?.format, FORMAT);
}

async function openDatabase(folder: string): Promise<ClassicLevel> {
  const names = await namesIn(folder);
  // LevelDB would take the folder for a new one, and delete the rest.
  if (names.some((name) => /\.(ldb|log)$/.test(name)) && !names.includes("CURRENT"))
    throw new SyntaxError("the file CURRENT of its database is missing");
  const { ClassicLevel } = await loadLevelDB();
  const db = new ClassicLevel(folder);
  await db.open();
  return db;
}

/** Of a folder that is made if it is not there. */
async function namesIn(folder: string): Promise<string[]> {
  // What devices send, and the passwords of users made over REST, are for nobody else to read.
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return readdir(folder);
}

/** Not before it is needed: it takes time, and there may be none for this machine. */
function loadLevelDB(): Promise<typeof import("classic-level")> {
  return import("classic-level").catch((error: unknown) => {
    throw SandboxError.dataNotLoaded(firstLine(error), error);
  });
}

function failure(folder: string, error: unknown): SandboxError {
  if (error instanceof SandboxError) return error;
  const { code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  if (code === "LEVEL_LOCKED") return SandboxError.dataInUse(folder, error);
  const reason = firstLine(error);
  const isDamaged = error instanceof SyntaxError || isDamage(error);
  return isDamaged
    ? SandboxError.dataDamaged(folder, reason, error)
    : SandboxError.dataUnusable(folder, reason, error);
}

/** The others hold paths, at which Node.js looked. */
function firstLine(error: unknown): string {
  return reasonOf(error).split("\n")[0] ?? "";
}
