// Packages of the npm registry in a temporary folder, kept there for the next run.
import { existsSync } from "node:fs";
import { mkdtemp, rename, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { run } from "./processes";

/** Installs `name@range`, unless that has been done; resolves to the folder of its `node_modules`. */
export async function installed(spec: string): Promise<string> {
  const folder = path.join(os.tmpdir(), `m1-${spec}`);
  if (existsSync(folder)) return folder;
  // Under another name until it is complete: a run may be broken off.
  const unfinished = await mkdtemp(`${folder}-`);
  await writeFile(path.join(unfinished, "package.json"), '{ "private": true }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", spec], { cwd: unfinished });
  await rename(unfinished, folder);
  return folder;
}
