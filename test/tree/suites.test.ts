// A suite of tests ends, also when something that a test started does not.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryFolder } from "../support/processes";

const mocha = path.join(__dirname, "../../node_modules/mocha/bin/mocha.js");
const reporter = path.join(__dirname, "../support/counting-reporter.cjs");

describe("a suite of tests", () => {
  let folder: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
  });

  afterEach(() => remove());

  const run = (test: string) => {
    const file = path.join(folder, "some.test.js");
    writeFileSync(file, test);
    const options = [mocha, "--no-config", "--reporter", reporter, file];
    const { status, stderr } = spawnSync(process.execPath, options, {
      encoding: "utf8",
      timeout: 60_000,
    });
    return { status, stderr };
  };

  it("that leaves something running is given up, and has failed", function () {
    this.timeout(60_000);
    const { status, stderr } = run(`it("passes", () => void setInterval(() => {}, 100));`);
    assert.match(stderr, /something keeps running: .*Timeout/);
    assert.equal(status, 1);
  });

  it("that ends by itself is not waited for", () => {
    assert.deepEqual(run(`it("passes", () => {});`), { status: 0, stderr: "" });
  });
});
