// The build puts what dialogs and helps share in its place, or names the file in which it cannot.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { temporaryFolder } from "../support/processes";

const root = path.join(__dirname, "../..");
const dialog = "nodes/m1-group-in.html";
const help = "nodes/locales/fr/m1-group-in.html";

describe("the build", () => {
  let project: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder: project, remove } = await temporaryFolder());
    for (const name of ["build.mjs", "package.json", "tsconfig.json", "nodes", "icons"]) {
      cpSync(path.join(root, name), path.join(project, name), { recursive: true });
    }
    symlinkSync(path.join(root, "node_modules"), path.join(project, "node_modules"), "junction");
  });

  afterEach(() => remove());

  const build = () => {
    const options = { cwd: project, encoding: "utf8" } as const;
    const { status, stderr } = spawnSync(process.execPath, ["build.mjs", "--untyped"], options);
    return { status, stderr };
  };

  for (const file of [dialog, help]) {
    for (const [fault, line] of [
      ["a fragment that is not there", "<!-- include shared/no-such.html -->"],
      ["a file outside shared/", "<!-- include m1-device-in.html -->"],
      ["a line that it does not understand", "<p><!-- include shared/datatype.html --></p>"],
    ] as const) {
      it(`refuses ${fault}, and names ${file}`, () => {
        appendFileSync(path.join(project, file), `${line}\n`);
        assert.deepEqual(build(), {
          status: 1,
          stderr: `build failed: ${path.normalize(file)}: cannot include "${line}"\n`,
        });
      });
    }
  }

  it("refuses a fragment that includes another", () => {
    const line = "<!-- include shared/qos.html -->";
    appendFileSync(path.join(project, "nodes/shared/broadcast.html"), `${line}\n`);
    const { status, stderr } = build();
    assert.equal(status, 1);
    assert.match(stderr, /^build failed: nodes.m1-\w+-in\.html: cannot include "<!-- include/);
  });

  it("refuses a shared row with a key that a node which includes it has no words for", () => {
    appendFileSync(path.join(project, "nodes/shared/broadcast.html"), '<p data-i18n="tip.no"></p>');
    const missing = ["m1-device-in", "m1-group-in"].map(
      (node) => `tip.no (${node}.html, of ${node}.json)`,
    );
    const { status, stderr } = build();
    assert.equal(status, 1);
    for (const each of missing) assert.ok(stderr.includes(each), stderr);
  });

  it("leaves nothing to include in what it builds, and no fragment beside it", () => {
    assert.deepEqual(build(), { status: 0, stderr: "" });
    const dist = path.join(project, "dist");
    const files = readdirSync(dist, { recursive: true, encoding: "utf8" });
    assert.deepEqual(
      files.filter((file) => /\bshared\b/.test(file)),
      [],
    );
    const pages = files.filter((file) => file.endsWith(".html"));
    const unfinished = pages.filter((file) =>
      /<!-- include|__node__/.test(readFileSync(path.join(dist, file), "utf8")),
    );
    assert.deepEqual(unfinished, []);
    // Four dialogs, and the help of each in six languages.
    assert.equal(pages.length, 4 + 4 * 6);
  });

  it("gives a shared row the ids of the node that it stands in", () => {
    assert.equal(build().status, 0);
    for (const node of ["m1-device-in", "m1-event-out", "m1-group-in"]) {
      const html = readFileSync(path.join(project, `dist/${node}.html`), "utf8");
      assert.ok(html.includes(`id="${node}-advanced-button" aria-controls="${node}-advanced"`));
    }
  });
});
