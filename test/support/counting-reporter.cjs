// Mocha's spec reporter, which also ends a suite that something keeps running after its last test, and appends its counts
// and what failed to the file named by M1_TEST_COUNTS, for a sum over runs.
const { appendFileSync } = require("node:fs");
const { reporters } = require("mocha");

// Read now: tests play with the environment.
const file = process.env.M1_TEST_COUNTS;

/** Milliseconds for what the tests started to end, after their last one. */
const PATIENCE = 10_000;

module.exports = class CountingReporter extends reporters.Spec {
  epilogue() {
    super.epilogue();
    // A test that timed out may go on for ever, and a connection that nobody closed too.
    const giveUp = () => {
      const kinds = process.getActiveResourcesInfo().join(", ");
      console.error(`The tests are over, but something keeps running: ${kinds}`);
      // Mocha sets the number of failures then.
      process.once("exit", () => {
        process.exitCode = 1;
      });
      process.exit();
    };
    setTimeout(giveUp, PATIENCE).unref();
    if (!file) return;
    const { passes, failures } = this.stats;
    const failed = this.failures.map((test) => {
      const title = test.titlePath().join(" › ");
      return `failed ${title}: ${test.err?.message}`.replaceAll(/\s+/g, " ");
    });
    appendFileSync(file, [`counted ${passes} ${failures}`, ...failed, ""].join("\n"));
  }
};
