// Mocha's spec reporter, which also appends its counts to the file named by M1_TEST_COUNTS, for a sum over runs.
const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

// Read now: tests play with the environment.
const file = process.env.M1_TEST_COUNTS;

module.exports = class CountingReporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    if (file) appendFileSync(file, `${passes} ${failures}\n`);
  }
};
