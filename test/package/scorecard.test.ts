// The package's score at node-red-dev, with which the Flow Library judges packages.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { installed } from "../support/installed";
import { packed } from "../support/packed";
import { run, temporaryFolder } from "../support/processes";

const emptyCatalogue = path.resolve(__dirname, "../support/empty-catalogue.cjs");

/** All but P08 and N01: whether a name is taken, only the Flow Library's catalogue knows. */
const RULES = {
  P01: "has a licence",
  P03: "says where it is developed and where bugs are reported",
  P04: "has a scoped name",
  P05: "has the keyword node-red",
  P06: "supports the newest Node-RED",
  P07: "supports the oldest Node.js that the newest Node-RED supports",
  N02: "has an example of each node",
  D01: "has few dependencies",
  D02: "depends on no package that is known to break Node-RED",
  D03: "accepts the newest release of each dependency",
};

describe("the scorecard", () => {
  let score: Record<string, { test: boolean; nodes?: string[] }>;
  let removeFolder: () => Promise<void>;

  before(async function () {
    this.timeout(120_000);
    const { folder, remove } = await temporaryFolder();
    removeFolder = remove;
    await run("tar", ["-xzf", await packed(folder), "-C", folder]);
    const judge = path.join(
      await installed("node-red-dev@0.1.6"),
      "node_modules/node-red-dev/bin/run",
    );
    const file = path.join(folder, "score.json");
    await run(process.execPath, [
      ...["--require", emptyCatalogue, judge, "validate"],
      ...["--path", path.join(folder, "package"), "--output", file],
    ]);
    score = JSON.parse(await readFile(file, "utf8"));
  });

  after(() => removeFolder?.());

  for (const [rule, promise] of Object.entries(RULES)) {
    it(`${promise} (${rule})`, () => {
      assert.equal(score[rule]?.test, true, JSON.stringify(score[rule]));
    });
  }

  it("counts the three nodes, so that it has understood them", () => {
    const nodes = [...(score.N02?.nodes ?? [])].sort();
    assert.deepEqual(nodes, ["m1 device in", "m1 event out", "m1 group in"]);
  });
});
