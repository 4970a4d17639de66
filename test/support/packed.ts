// The package as it is published: one file.
import path from "node:path";
import { run } from "./processes";

const root = path.resolve(__dirname, "../..");

/** Packs what has been built; resolves to the path of the tarball. */
export async function packed(folder: string): Promise<string> {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const output = await run("npm", args, { cwd: root });
  return path.join(folder, /"filename": "([^"]+)"/.exec(output)?.[1] ?? "");
}

/** Packs what has been built and installs it in `folder`, as a user does in Node-RED's user directory. */
export async function installPacked(folder: string): Promise<void> {
  const tarball = await packed(folder);
  await run("npm", ["init", "--yes"], { cwd: folder });
  const install = ["install", "--omit=dev", "--no-audit", "--no-fund", tarball];
  await run("npm", install, { cwd: folder });
}
