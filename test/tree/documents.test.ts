// The documents name files and link to each other: each of them is there.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(__dirname, "../..");
const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "bench/README.md"],
  ...["sandbox/README.md"],
  ...readdirSync(path.join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

describe("the documents", () => {
  for (const page of pages) {
    const text = readFileSync(path.join(root, page), "utf8");

    it(`${page} names no file of the tree that is not there`, () => {
      const named = [...text.matchAll(/`((?:nodes|test|sandbox|bench|demo)\/[\w./-]+\.\w+)`/g)];
      const missing = named.map(([, file = ""]) => file).filter((file) => !isThere(file));
      assert.deepEqual(missing, []);
    });

    it(`${page} links to nothing that is not there`, () => {
      const links = [...text.matchAll(/(?:\]\(|src(?:set)?=")([^)"#:]+)(?:#[\w-]+)?[)"]/g)];
      const folder = path.dirname(page);
      const missing = links
        .map(([, to = ""]) => to)
        .filter((to) => !isThere(path.join(folder, to)));
      assert.deepEqual(missing, []);
    });
  }
});

/** `m1-x` stands for any node. */
function isThere(file: string): boolean {
  return file.includes("m1-x") || existsSync(path.join(root, file));
}
