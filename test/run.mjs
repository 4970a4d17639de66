// `node test/run.mjs <suite> [options of mocha]` runs a suite of mocharc.cjs.
const [suite = "unit", ...options] = process.argv.slice(2);
process.env.M1_SUITE = suite;
process.argv.splice(2, Number.POSITIVE_INFINITY, "--config", "test/mocharc.cjs", ...options);
// Given up in the middle, it still ends what it started, which listens for "exit".
process.once("SIGTERM", () => process.exit(143));
await import("mocha/bin/mocha.js");
