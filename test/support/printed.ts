// Waiting for what a Node-RED process prints: its log is all that it tells by itself.
import type { NodeRed } from "./node-red";

const OFTEN_MS = 25;

/** Resolves once the text stands in its output so many times; mocha's time-out is the limit. */
export async function prints(nodeRed: NodeRed, text: string, times = 1): Promise<void> {
  while (nodeRed.output.split(text).length <= times) {
    await new Promise((resolve) => setTimeout(resolve, OFTEN_MS));
  }
}

/** Resolves with the first match in its output, now or later; mocha's time-out is the limit. */
export async function printed(nodeRed: NodeRed, pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const found = pattern.exec(nodeRed.output);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, OFTEN_MS));
  }
}
