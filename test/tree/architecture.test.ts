// docs/architecture.md names files: each is there, and each room of nodes/ is named.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(__dirname, "../..");
const page = readFileSync(path.join(root, "docs/architecture.md"), "utf8");
const named = [...page.matchAll(/`(nodes\/[\w./-]+)`/g)].map(([, file = ""]) => file);

describe("docs/architecture.md", () => {
  it("names no file or folder that is not there", () => {
    assert.ok(named.length > 20);
    const missing = named.filter((file) => !existsSync(path.join(root, file)));
    assert.deepEqual(missing, []);
  });

  it("names every room of nodes/", () => {
    const rooms = readdirSync(path.join(root, "nodes"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `nodes/${name}/`);
    assert.deepEqual(
      rooms.filter((room) => !named.includes(room)),
      [],
    );
  });
});
