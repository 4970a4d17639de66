// The package as users get it: packed, installed from the tarball, loaded by a Node-RED of its own.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { NodeRed } from "../support/node-red";
import { installPacked } from "../support/packed";
import { temporaryFolder } from "../support/processes";

const root = path.resolve(__dirname, "../..");
const TYPES = ["m1 connection", "m1 device in", "m1 event out", "m1 group in"];

interface NodeSet {
  module: string;
  name: string;
  types: string[];
  enabled: boolean;
  err?: string;
}

describe("the packed package", () => {
  let manifest: { name: string; version: string; dependencies: Record<string, string> };
  let removeFolder: () => Promise<void>;
  let installed: string;
  let nodeRed: NodeRed;

  before(async function () {
    this.timeout(180_000);
    manifest = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
    const { folder, remove } = await temporaryFolder();
    removeFolder = remove;
    await installPacked(folder);
    installed = path.join(folder, "node_modules", manifest.name);
    nodeRed = await NodeRed.start(folder);
  });

  after(async () => {
    await nodeRed?.stop();
    await removeFolder?.();
  });

  it("is listed by Node-RED's palette with its four types, none of them failing", async () => {
    const sets = ((await nodeRed.get("nodes")) as NodeSet[]).filter(
      ({ module }) => module === manifest.name,
    );
    assert.deepEqual(sets.flatMap(({ types }) => types).sort(), TYPES);
    for (const set of sets) {
      assert.equal(set.err, undefined, set.name);
      assert.equal(set.enabled, true, set.name);
    }
  });

  it("gives the editor a dialog and help for each type", async () => {
    const response = await fetch(`${nodeRed.url}/nodes`, { headers: { accept: "text/html" } });
    const html = await response.text();
    for (const type of TYPES) {
      assert.ok(html.includes(`data-template-name="${type}"`), `the dialog of ${type}`);
      assert.ok(html.includes(`data-help-name="${type}"`), `the help of ${type}`);
    }
  });

  it("gives the editor the words of each node set", async () => {
    for (const type of TYPES) {
      const set = `${manifest.name}/${type.replaceAll(" ", "-")}`;
      const catalogue = await nodeRed.get(`locales/${set}?lng=en-US`);
      assert.notDeepEqual(catalogue, {}, set);
    }
  });

  it("serves the icon of each flow node", async () => {
    const icons = (await nodeRed.get("icons")) as Record<string, string[]>;
    const html = await readFile(path.join(installed, "dist/m1-event-out.html"), "utf8");
    const icon = /\bicon: "([^"]+)"/.exec(html)?.[1] ?? "";
    assert.ok(icons[manifest.name]?.includes(icon), icon);
  });

  it("puts its examples into the import menu", async () => {
    const files = (await readdir(path.join(root, "examples"))).map((file) => path.parse(file).name);
    const library = JSON.stringify(await nodeRed.get(`library/examples/flows/${manifest.name}`));
    for (const file of files) assert.ok(library.includes(file), file);
  });

  it("carries the licences of what is bundled in it", async () => {
    for (const name of ["temporal-polyfill", "temporal-utils"]) {
      const licence = await readFile(path.join(installed, `dist/${name}.LICENSE`), "utf8");
      assert.match(licence, /^MIT License/);
    }
  });

  it("carries only what is needed at run time", async () => {
    const files = await readdir(installed, { recursive: true });
    const strangers = files.filter((file) => /\.(ts|map)$|^(test|sandbox|demo|bench)\b/.test(file));
    assert.deepEqual(strangers, []);
    assert.ok(Object.keys(manifest.dependencies).length <= 6);
  });
});
