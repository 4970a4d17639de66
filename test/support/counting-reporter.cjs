// Mocha's spec reporter, which also appends its counts and what failed to the file named by M1_TEST_COUNTS, for a sum over runs.
const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

// Read now: tests play with the environment.
const file = process.env.M1_TEST_COUNTS;

module.exports = class CountingReporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    if (!file) return;
    const { passes, failures } = this.stats;
    const failed = this.failures.map((test) => {
      const title = test.titlePath().join(" › ");
      return `failed ${title}: ${test.err?.message}`.replaceAll(/\s+/g, " ");
    });
    appendFileSync(file, [`counted ${passes} ${failures}`, ...failed, ""].join("\n"));
  }
};
