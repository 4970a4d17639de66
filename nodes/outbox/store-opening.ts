// How the database of a store is opened: as it is if nothing is missing, and repaired else, a copy of it kept.
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import { DatabaseCopy } from "./database-copy";
import { removeForeignLogs } from "./foreign-logs";
import type { StoreContents } from "./store-contents";
import { isDamage, notLoaded, reasonOf } from "./store-errors";

export interface Opened {
  readonly db: ClassicLevel;
  readonly contents: StoreContents;
  /** OUTBOX_DAMAGED, if it was. */
  readonly warning?: M1Error;
}

/** Looks at all there is; rejects with what LevelDB says. */
type Inspect = (db: ClassicLevel) => Promise<StoreContents>;

/**
 * Opens the folder, made if it is not there. What is damaged is repaired, if that gives back more than opening
 * alone; if neither can be done, an empty database takes its place. Rejects with what LevelDB or the disk says
 * of anything but damage.
 */
export async function openStore(folder: string, inspect: Inspect): Promise<Opened> {
  await mkdir(folder, { recursive: true });
  const copy = await DatabaseCopy.take(folder);
  try {
    const isSpoiled = (await hasFilesButNoHead(folder)) || (await removeForeignLogs(folder));
    const asItIs = isSpoiled ? new M1Error("OUTBOX_INCOMPLETE") : await attempt(folder, inspect);
    if (!isFailure(asItIs) && asItIs.contents.lost === 0) {
      await copy.discardAll();
      return asItIs;
    }
    if (isFailure(asItIs) && !isSpoiled && !isDamage(asItIs)) throw asItIs;
    const best = await repaired(folder, inspect, copy, asItIs);
    const reason =
      isFailure(asItIs) && !(asItIs instanceof M1Error)
        ? { reason: reasonOf(asItIs) }
        : { because: "OUTBOX_INCOMPLETE" };
    const details = { folder: await copy.keep(), ...reason };
    return { ...best, warning: new M1Error("OUTBOX_DAMAGED", details) };
  } catch (error) {
    await copy.giveUp();
    throw error;
  }
}

type Attempt = Opened | Error;

function isFailure(attempt: Attempt): attempt is Error {
  return attempt instanceof Error;
}

/** Whatever gives back most. */
async function repaired(
  folder: string,
  inspect: Inspect,
  copy: DatabaseCopy,
  asItIs: Attempt,
): Promise<Opened> {
  const { ClassicLevel } = await loadLevelDB();
  if (!isFailure(asItIs)) await asItIs.db.close();
  await copy.beginRepair();
  await copy.restore();
  await removeForeignLogs(folder);
  const repair = await ClassicLevel.repair(folder).then(
    () => attempt(folder, inspect),
    (error: Error) => error,
  );
  // There it puts what it could make nothing of, and the copy has that.
  await rm(path.join(folder, "lost"), { recursive: true, force: true });
  const isBetter =
    !isFailure(repair) && (isFailure(asItIs) || repair.contents.lost < asItIs.contents.lost);
  if (isBetter) return repair;
  if (!isFailure(repair)) await repair.db.close();
  if (isFailure(asItIs)) await copy.empty();
  else await copy.restore();
  await removeForeignLogs(folder);
  const last = await attempt(folder, inspect);
  if (isFailure(last)) throw last;
  return last;
}

async function attempt(folder: string, inspect: Inspect): Promise<Attempt> {
  let db: ClassicLevel | undefined;
  try {
    db = await openDatabase(folder);
    return { db, contents: await inspect(db) };
  } catch (error) {
    await db?.close();
    return error as Error;
  }
}

/** Rejects with what LevelDB says, or OUTBOX_NOT_LOADED. */
export async function openDatabase(
  folder: string,
  options: { readonly createIfMissing?: boolean } = {},
): Promise<ClassicLevel> {
  const { ClassicLevel } = await loadLevelDB();
  const db = new ClassicLevel(folder, options);
  await db.open();
  return db;
}

/** LevelDB would take the folder for a new one, and delete them. */
async function hasFilesButNoHead(folder: string): Promise<boolean> {
  const names = (await readdir(folder)).map((name) => path.parse(name));
  return (
    names.some(({ ext }) => ext === ".ldb" || ext === ".log") &&
    !names.some(({ name }) => name === "CURRENT")
  );
}

/** Not before it is needed: where no outbox is on disk that takes no time, and it may not be there. */
function loadLevelDB(): Promise<typeof import("classic-level")> {
  return import("classic-level").catch((error: unknown) => {
    throw notLoaded(error);
  });
}
