// The lint step keeps the arrows between the folders of nodes/, and says which rule was broken.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryFolder } from "../support/processes";

const root = path.join(__dirname, "../..");
const biome = path.join(root, "node_modules/@biomejs/biome/bin/biome");

const refused = [
  ["protocol", "../runtime/settings", "protocol/ is the wire contract"],
  ["protocol", "node:fs", "protocol/ is the wire contract"],
  ["outbox", "mqtt", "outbox/ keeps events"],
  ["outbox", "node-red", "outbox/ keeps events"],
  ["outbox", "../connection/timing", "outbox/ keeps events"],
  ["subscriptions", "mqtt", "subscriptions/ decides who gets which message"],
  ["subscriptions", "../connection/timing", "subscriptions/ decides who gets which message"],
  ["connection", "node-red", "connection/ speaks MQTT"],
  ["connection", "node:fs/promises", "connection/ speaks MQTT"],
  ["connection", "../runtime/settings", "connection/ speaks MQTT"],
  ["runtime", "mqtt", "runtime/ is what the node types share"],
  ["runtime", "../admin/endpoints", "runtime/ is what the node types share"],
  ["admin", "classic-level", "admin/ answers what the dialogs ask"],
  [".", "mqtt", "A node type is a thin adapter"],
  ["editor", "mqtt", "editor/ runs in the browser"],
  ["editor", "../outbox/outbox", "editor/ runs in the browser"],
  ["editor/sidebar", "../../outbox/outbox", "editor/ runs in the browser"],
  ["editor/sidebar", "../../admin/endpoints", "editor/ runs in the browser"],
] as const;

const allowed = [
  ["outbox", "../protocol/errors"],
  ["outbox", "classic-level"],
  ["connection", "mqtt"],
  ["connection", "../outbox/outbox"],
  ["connection", "../subscriptions/subscriptions"],
  ["runtime", "../connection/connection"],
  [".", "./connection/connection"],
  ["editor/sidebar", "../../admin/outbox-answers"],
] as const;

describe("the rooms of nodes/", () => {
  /** What the linter says of each file that imports one module. */
  let told: Map<string, string>;
  let remove: () => Promise<void>;

  before(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    told = lint(temporary.folder, [...refused, ...allowed]);
  });

  after(() => remove());

  for (const [folder, module, reason] of refused) {
    it(`${folder}/ may not import ${module}, and the linter says why`, () => {
      assert.ok(told.get(`${folder} ${module}`)?.includes(reason));
    });
  }

  for (const [folder, module] of allowed) {
    it(`${folder}/ may import ${module}`, () => {
      assert.equal(told.get(`${folder} ${module}`), undefined);
    });
  }
});

function lint(project: string, imports: readonly (readonly string[])[]): Map<string, string> {
  cpSync(path.join(root, "biome.json"), path.join(project, "biome.json"));
  const names = new Map<string, string>();
  for (const [index, [folder = "", module = ""]] of imports.entries()) {
    const file = path.posix.join("nodes", folder, `file-${index}.ts`);
    names.set(file, `${folder} ${module}`);
    mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    writeFileSync(path.join(project, file), `import { x } from "${module}";\n\nconsole.log(x);\n`);
  }
  const options = [
    "lint",
    "--only=style/noRestrictedImports",
    "--reporter=json",
    "--max-diagnostics=none",
  ];
  const { stdout } = spawnSync(process.execPath, [biome, ...options], {
    cwd: project,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
  return new Map(
    diagnostics.map((each) => [names.get(each.location.path) ?? "", JSON.stringify(each)]),
  );
}

interface Diagnostic {
  readonly location: { readonly path: string };
}
