// A file that shortens the durations of the built package, for `node --require`.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Timing } from "../../nodes/connection/timing";

/** Resolves with its path. */
export async function preloadTiming(userDir: string, timing: Partial<Timing>): Promise<string> {
  const file = path.join(userDir, "timing.cjs");
  const module = JSON.stringify(path.resolve(__dirname, "../../dist/connection/timing"));
  await writeFile(file, `Object.assign(require(${module}).TIMING, ${JSON.stringify(timing)});\n`);
  return file;
}
