// Builds sandbox/dist/: the command and the class as files that need only the dependencies of this
// package, and the console's page. With --types also the class's types, which the package carries.
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const to = path.join(root, "dist");
const page = path.join(to, "page");
const node = {
  outdir: to,
  bundle: true,
  // nodes/protocol and what it bundles is taken in; the rest is this package's dependencies.
  external: ["aedes", "aedes-persistence/*", "mqtt-packet", "ws"],
  platform: "node",
  format: "cjs",
  target: "node20",
  legalComments: "inline",
  logLevel: "warning",
};

await rm(to, { recursive: true, force: true });
await mkdir(page, { recursive: true });
await Promise.all([
  esbuild.build({
    ...node,
    entryPoints: [path.join(root, "command/command.ts")],
    banner: { js: "#!/usr/bin/env node" },
  }),
  esbuild.build({ ...node, entryPoints: [path.join(root, "index.ts")] }),
  esbuild.build({
    entryPoints: ["main.ts", "main.css"].map((file) => path.join(root, "console", file)),
    outdir: page,
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    legalComments: "inline",
    logLevel: "warning",
  }),
  ...["index.html", "icon.svg"].map((file) =>
    cp(path.join(root, "console", file), path.join(page, file)),
  ),
]);
if (process.argv.includes("--types")) {
  const tsc = path.join(root, "../node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", path.join(root, "tsconfig.types.json")]);
  // The codes of errors are the keys of this catalogue.
  const catalogue = "nodes/locales/en-US/m1-connection.json";
  await cp(path.join(root, "..", catalogue), path.join(to, "types", catalogue));
}
// npm packs it from here, and from here only.
await cp(path.join(root, "../LICENSE"), path.join(root, "LICENSE"));
await chmod(path.join(to, "command.js"), 0o755);
