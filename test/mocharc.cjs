// Mocha's configuration: the suites of tests by name. `M1_SUITE` says which of them runs (see run.mjs).
const suites = {
  /** What needs nothing but Node.js. */
  unit: {
    spec: "test/{protocol,outbox,subscriptions,connection,runtime,admin,editor,locales,nodes,sandbox,tree}/**/*.test.ts",
    timeout: 10_000,
  },
  /** The packed tarballs; needs the npm registry. */
  package: { spec: "test/package/**/*.test.ts", timeout: 20_000 },
  /** Real brokers, killed processes, broken links, disks and clocks; needs mosquitto, strace and faketime. */
  faults: { spec: "test/faults/**/*.test.ts", timeout: 60_000 },
  /** One list of promises on every broker of the lab; needs mosquitto, rabbitmq-server and ejabberd. */
  brokers: { spec: "test/brokers/**/*.test.ts", timeout: 60_000 },
  /** The sandbox's page; needs chromium. */
  console: { spec: "test/console/**/*.test.ts", timeout: 60_000 },
  /** A person's way through the editor, a step after the other; needs chromium. */
  e2e: { spec: "test/e2e/**/*.test.ts", timeout: 30_000, bail: true, exit: true },
  /** The part of it that asks most of the editor, for the oldest release. */
  sidebar: { spec: "test/e2e/sidebar.test.ts", timeout: 30_000, bail: true, exit: true },
  /** The nodes on one release of Node-RED; see on-releases.ts. */
  matrix: { spec: "test/nodes/**/*.test.ts", timeout: 10_000 },
  /** A million events over a link that keeps breaking. */
  soak: { spec: "test/faults/soak.test.ts", timeout: 0, exit: true },
};

const name = process.env.M1_SUITE ?? "unit";
if (!Object.hasOwn(suites, name)) {
  throw new Error(`there is no suite "${name}"; there are ${Object.keys(suites).join(", ")}`);
}

module.exports = {
  require: ["tsx"],
  extension: ["ts"],
  reporter: "test/support/counting-reporter.cjs",
  forbidOnly: true,
  forbidPending: true,
  ...suites[name],
};
