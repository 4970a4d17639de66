// `node test/run.mjs <suite> [options of mocha]` runs a suite of mocharc.cjs.
const [suite = "unit", ...options] = process.argv.slice(2);
process.env.M1_SUITE = suite;
process.argv.splice(2, Number.POSITIVE_INFINITY, "--config", "test/mocharc.cjs", ...options);
await import("mocha/bin/mocha.js");
