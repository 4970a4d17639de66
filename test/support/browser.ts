// The browser of the tests: Debian's chromium, or the one that CHROMIUM names.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** What it may do without: a sandbox that root has no use for, a graphics card, and the network. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Rejects with what to install if there is none. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(executablePath)) {
    throw new Error(
      `No browser at ${executablePath}: install Debian's package chromium, or set CHROMIUM to where one is`,
    );
  }
  return chromium.launch({
    executablePath,
    args: FLAGS,
  });
}
