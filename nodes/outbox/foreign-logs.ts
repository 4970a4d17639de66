// Logs that are none: LevelDB ends the process on a log that has the content of its list of files, as every record of
// that is intact, and its sequence numbers make no sense.
import { open, readdir, rm } from "node:fs/promises";
import path from "node:path";

/** The list begins so, behind the head of its first record and the tag and length of this name. */
const COMPARATOR = "leveldb.BytewiseComparator";
const COMPARATOR_AT = 7 + 2;

/** Deletes them; resolves with whether there were any. */
export async function removeForeignLogs(folder: string): Promise<boolean> {
  const logs = (await readdir(folder)).filter((name) => name.endsWith(".log"));
  let found = false;
  for (const log of logs.map((name) => path.join(folder, name))) {
    if (!(await isForeign(log))) continue;
    await rm(log);
    found = true;
  }
  return found;
}

async function isForeign(log: string): Promise<boolean> {
  const file = await open(log);
  try {
    const start = Buffer.alloc(COMPARATOR.length);
    await file.read(start, 0, start.length, COMPARATOR_AT);
    return start.toString("latin1") === COMPARATOR;
  } finally {
    await file.close();
  }
}
