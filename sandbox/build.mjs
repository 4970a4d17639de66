// Builds sandbox/dist/: the command and the class as files that need only the dependencies of this
// package, the console's page, and the JSON Schema of the command's file. With --types also the
// class's types, which the package carries.
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
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
  external: ["aedes", "aedes-persistence/*", "classic-level", "mqtt-packet", "ws"],
  platform: "node",
  format: "cjs",
  target: "node20",
  legalComments: "inline",
  logLevel: "warning",
  metafile: true,
};

await rm(to, { recursive: true, force: true });
await mkdir(page, { recursive: true });
const [command, sandbox, consolePage] = await Promise.all([
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
    metafile: true,
  }),
  ...["index.html", "icon.svg"].map((file) =>
    cp(path.join(root, "console", file), path.join(page, file)),
  ),
  writeSchema(),
]);
await writeLicences([command, sandbox, consolePage]);
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

/** That of the command's file, from what checks it. */
async function writeSchema() {
  const { outputFiles } = await esbuild.build({
    ...node,
    entryPoints: [path.join(root, "command/config-json-schema.ts")],
    format: "esm",
    write: false,
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { configJsonSchema } = await import(`data:text/javascript;base64,${code}`);
  const schema = JSON.stringify(configJsonSchema(), undefined, 2);
  await writeFile(path.join(to, "sandbox.schema.json"), `${schema}\n`);
}

/** Whoever passes on what is bundled passes its licence on. */
async function writeLicences(builds) {
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = new Set(
    inputs.flatMap((file) => /.*node_modules\/((@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []),
  );
  const licences = [...packages].sort().map(async (name) => {
    const text = await readFile(path.join(root, "../node_modules", name, "LICENSE"), "utf8");
    return `${name}\n\n${text.trim()}\n`;
  });
  const rule = `\n${"-".repeat(70)}\n\n`;
  await writeFile(path.join(to, "BUNDLED-LICENSES"), (await Promise.all(licences)).join(rule));
}
