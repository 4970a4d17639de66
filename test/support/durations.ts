// The durations of the built package's connections, changed for a suite: flows run with very short ones.
import { createRequire } from "node:module";
import path from "node:path";
import type { Timing } from "../../nodes/connection/timing";
// Shortens them when it is loaded; that must have happened by now.
import "./flows";

const file = path.resolve(__dirname, "../../dist/connection/timing");
const { TIMING } = createRequire(__filename)(file) as { TIMING: Timing };

/** For all tests of the suite that calls it. */
export function useDurations(durations: Partial<Timing>): void {
  let usual: Timing;
  before(() => {
    usual = { ...TIMING };
    Object.assign(TIMING, durations);
  });
  after(() => {
    Object.assign(TIMING, usual);
  });
}
