// Builds dist/ from nodes/ and icons/: checks types, compiles the runtime file by file, puts shared rows and
// the editor script into each node's html, and refuses to finish while a node lacks one of its parts.
import { spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const root = path.dirname(fileURLToPath(import.meta.url));
const from = path.join(root, "nodes");
const to = path.join(root, "dist");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");
const typeProjects = [
  "tsconfig.json",
  "nodes/editor/tsconfig.json",
  "sandbox/console/tsconfig.json",
  "test/console/tsconfig.json",
  "test/e2e/tsconfig.json",
];

/** Bundled, not required at run time: it is published as an ES module, which Node.js cannot `require` before 20.19. */
const bundled = "protocol/temporal.ts";

class BuildError extends Error {}

async function nodeSets() {
  const manifest = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  return Object.keys(manifest["node-red"].nodes);
}

async function build() {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  const sets = await nodeSets();
  await Promise.all([buildRuntime(), ...sets.map(buildHtml), copyLocales(), copyIcons()]);
  await checkParts(sets);
  await checkKeys(sets);
}

async function buildRuntime() {
  const files = (await readdir(from, { recursive: true })).filter(
    (file) => file.endsWith(".ts") && !file.startsWith("editor"),
  );
  const shared = {
    outdir: to,
    outbase: from,
    platform: "node",
    format: "cjs",
    target: "node20",
    sourcemap: true,
    sourcesContent: false,
    logLevel: "warning",
  };
  const plain = files.filter((file) => path.normalize(file) !== path.normalize(bundled));
  await Promise.all([
    // File by file: one module stays one module, so `instanceof` and module state hold across nodes.
    esbuild.build({ ...shared, entryPoints: plain.map((file) => path.join(from, file)) }),
    esbuild.build({
      ...shared,
      entryPoints: [path.join(from, bundled)],
      bundle: true,
      legalComments: "inline",
    }),
    // Whoever passes on what is bundled passes its licence on.
    ...["temporal-polyfill", "temporal-utils"].map((name) =>
      cp(path.join(root, "node_modules", name, "LICENSE"), path.join(to, `${name}.LICENSE`)),
    ),
  ]);
}

/**
 * The text of an html file under nodes/, each line `<!-- include shared/….html -->` replaced by that file,
 * which lies beside it. `__node__` in there is the name of the file that includes it.
 */
async function resolved(file) {
  const { dir, name: node } = path.parse(file);
  const refuse = (line) => {
    throw new BuildError(`${path.relative(root, file)}: cannot include "${line.trim()}"`);
  };
  const include = async (line) => {
    const [, indent, name] = /^( *)<!-- include (shared\/[\w-]+\.html) -->$/.exec(line) ?? [];
    if (name === undefined || !existsSync(path.join(dir, name))) refuse(line);
    const rows = (await readFile(path.join(dir, name), "utf8")).trimEnd().split("\n");
    return rows.map((row) => indent + row.replaceAll("__node__", node));
  };
  const lines = (await readFile(file, "utf8")).split("\n");
  const isInclude = (line) => line.includes("<!-- include");
  const parts = await Promise.all(lines.map((line) => (isInclude(line) ? include(line) : line)));
  const text = parts.flat();
  // A fragment includes no other: one look into one folder shows all that a dialog is made of.
  text.filter(isInclude).forEach(refuse);
  return text.join("\n");
}

/** The html of a node, its `<script src="editor/….ts">` replaced by the bundle of that file. */
async function buildHtml(set) {
  const source = path.join(from, `${set}.html`);
  if (!existsSync(source)) throw new BuildError(`${set}: nodes/${set}.html is missing`);
  const html = await resolved(source);
  const tag = /<script type="text\/javascript" src="(editor\/[\w-]+\.ts)"><\/script>/;
  const script = tag.exec(html)?.[1];
  if (!script) throw new BuildError(`${set}: nodes/${set}.html has no <script src="editor/….ts">`);
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(from, script)],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    logLevel: "warning",
  });
  const code = outputFiles[0].text;
  // A function as replacement: `$&` and its like in the code stay what they are.
  const page = html.replace(tag, () => `<script type="text/javascript">\n${code}</script>`);
  await writeFile(path.join(to, `${set}.html`), page);
}

async function copyLocales() {
  for (const language of await readdir(path.join(from, "locales"))) {
    const folder = path.join("locales", language);
    await mkdir(path.join(to, folder), { recursive: true });
    for (const name of await readdir(path.join(from, folder))) {
      const source = path.join(from, folder, name);
      const target = path.join(to, folder, name);
      if (name.endsWith(".json")) await cp(source, target);
      if (name.endsWith(".html")) await writeFile(target, await resolved(source));
    }
  }
}

/** Node-RED looks for icons beside the compiled node, not at the root of the package. */
async function copyIcons() {
  await cp(path.join(root, "icons"), path.join(to, "icons"), { recursive: true });
}

async function checkParts(sets) {
  const missing = [];
  const need = (file, why) =>
    existsSync(path.join(to, file)) || missing.push(`dist/${file} (${why})`);
  for (const set of sets) {
    need(`${set}.js`, "runtime");
    need(`locales/en-US/${set}.json`, "strings");
    need(`locales/en-US/${set}.html`, "help");
    const html = await readFile(path.join(to, `${set}.html`), "utf8");
    const type = set.replaceAll("-", " ");
    if (!html.includes(`data-template-name="${type}"`)) missing.push(`the dialog of ${type}`);
    const category = /\bcategory: "(\w[^"]*)"/.exec(html)?.[1];
    const icon = /\bicon: "([^"]+)"/.exec(html)?.[1];
    if (icon) need(`icons/${icon}`, "icon");
    else if (category !== "config") missing.push(`the icon of ${type}`);
    const helpFile = path.join(to, `locales/en-US/${set}.html`);
    const help = existsSync(helpFile) ? await readFile(helpFile, "utf8") : "";
    if (!help.includes(`data-help-name="${type}"`)) missing.push(`the help of ${type}`);
  }
  if (missing.length > 0) throw new BuildError(`missing: ${missing.join(", ")}`);
}

/** Every string that a dialog, its code or the runtime names must be in the English catalogue. */
async function checkKeys(sets) {
  const { name } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const catalogues = {};
  for (const set of sets) {
    const file = path.join(from, `locales/en-US/${set}.json`);
    catalogues[set] = JSON.parse(await readFile(file, "utf8"));
  }
  const has = (set, key) => {
    const steps = key.split(".");
    return typeof steps.reduce((found, step) => found?.[step], catalogues[set]) === "string";
  };
  const unknown = [];
  for (const file of await readdir(from, { recursive: true })) {
    if (!/\.(html|ts)$/.test(file) || file.startsWith("locales")) continue;
    // What several dialogs share names keys of the node that includes it: it is read there.
    if (file.startsWith("shared")) continue;
    const text = await resolved(path.join(from, file));
    const ownSet = path.parse(file).name;
    for (const [set, key] of usedKeys(text, ownSet, name)) {
      if (!has(set, key)) unknown.push(`${key} (${file}, of ${set}.json)`);
    }
  }
  if (unknown.length > 0) throw new BuildError(`strings without words: ${unknown.join(", ")}`);
}

/** Pairs of catalogue and key. What belongs to Node-RED, or is put together at run time, is left out. */
function* usedKeys(text, ownSet, packageName) {
  for (const [, attribute] of text.matchAll(/data-i18n="([^"]+)"/g)) {
    for (const part of attribute.split(";")) {
      const [key, namespace] = part
        .replace(/^\[[\w-]+\]/, "")
        .split(":")
        .reverse();
      if (namespace === undefined) yield [ownSet, key];
      else if (namespace.startsWith(`${packageName}/`)) yield [path.basename(namespace), key];
    }
  }
  for (const [, key] of text.matchAll(/\b(?:this|node)\._\("([\w.-]+)"/g)) yield [ownSet, key];
  for (const [, key] of text.matchAll(/\b(?:shared\(|translate\(RED, )"([\w.-]+)"/g)) {
    yield ["m1-connection", key];
  }
}

function checkTypes() {
  return Promise.all(
    typeProjects.map(
      (project) =>
        new Promise((resolve, reject) => {
          const child = spawn(process.execPath, [tsc, "-p", project, "--pretty"], {
            cwd: root,
            stdio: "inherit",
          });
          child.on("error", reject);
          child.on("exit", (code) =>
            code === 0 ? resolve() : reject(new BuildError(`${project}: type errors`)),
          );
        }),
    ),
  );
}

/** Rebuilds on every change; two `tsc --watch` report types meanwhile. */
async function develop() {
  for (const project of typeProjects) {
    spawn(process.execPath, [tsc, "-p", project, "--watch", "--preserveWatchOutput"], {
      cwd: root,
      stdio: "inherit",
    });
  }
  let timer;
  let building = Promise.resolve();
  const rebuild = () => {
    building = building.then(build).then(
      () => console.log(`built ${new Date().toLocaleTimeString()}`),
      (error) => console.error(error.message),
    );
  };
  for (const directory of [from, path.join(root, "icons")]) {
    watch(directory, { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(rebuild, 100);
    });
  }
  rebuild();
}

const untyped = process.argv.includes("--untyped");

if (process.argv.includes("--watch")) {
  await develop();
} else {
  try {
    // Whoever only wants to see it run need not wait for that.
    await Promise.all([untyped || checkTypes(), build()]);
  } catch (error) {
    console.error(error instanceof BuildError ? `build failed: ${error.message}` : error);
    process.exitCode = 1;
  }
}
