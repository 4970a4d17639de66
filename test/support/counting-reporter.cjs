// Mocha's spec reporter, which also appends its counts to the file named by M1_TEST_COUNTS, for a sum over runs.
const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class CountingReporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures } = this.stats;
    const file = process.env.M1_TEST_COUNTS;
    if (file) appendFileSync(file, `${passes} ${failures}\n`);
  }
};
