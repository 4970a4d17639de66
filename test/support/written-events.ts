// What LevelDB has written of a feed, looked up in its log while the process that writes it runs.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Whether the event with this number stands in a log of the store's. */
export async function isWritten(folder: string, number: number): Promise<boolean> {
  // At first there is no folder, and LevelDB deletes a log once all of it is in tables.
  const names = await readdir(folder).catch(() => []);
  const logs = names.filter((name) => name.endsWith(".log"));
  const texts = await Promise.all(
    logs.map((name) => readFile(path.join(folder, name), "latin1").catch(() => "")),
  );
  return texts.some((text) => text.includes(`:${number}}`));
}
