// Pictures of the editor: of failures in a temporary folder, and those of the README in docs/images.
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";

/** Says where it has put a picture of each page that is open. */
export async function pictureFailure(browser: Browser): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "m1-e2e-"));
  const pages = browser.contexts().flatMap((context) => context.pages());
  for (const [index, page] of pages.entries()) {
    const file = path.join(folder, `page-${index + 1}.png`);
    await page.screenshot({ path: file, scale: "css" });
    console.log(`      picture: ${file}`);
  }
}
