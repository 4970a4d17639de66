// Pictures of the editor: those of the documents in docs/images, and of failures in a temporary folder.
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import type { Dialog } from "./dialog";
import { type Box, boxOf, type Editor } from "./editor";
import type { Card } from "./outbox-tab";

const folder = path.resolve(__dirname, "../../docs/images");

/** Around a flow, in pixels. */
const MARGIN = 30;

/** Whether the pictures of the documents are to be taken anew. */
export const areWanted = process.env.M1_SCREENSHOTS === "1";

/** A dialog from its title to the end of its form, as docs/images/<name>.png. */
export async function pictureDialog({ page, element }: Dialog, name: string): Promise<void> {
  if (!areWanted) return;
  // The same picture at every time of the day.
  await element.locator(".m1-form").evaluate((form) => {
    for (const code of form.querySelectorAll("code")) {
      code.textContent =
        code.textContent?.replace(/\d{4}-.+Z/, "2026-01-31T12:00:00.123000Z") ?? "";
    }
  });
  await page.mouse.move(0, 0);
  // Nor does it matter what was typed last.
  await element.locator(":focus").evaluateAll((focused) => {
    for (const field of focused) (field as HTMLElement).blur();
  });
  const { x, y, width } = await boxOf(element.locator(".red-ui-tray-header"));
  const form = await boxOf(element.locator(".m1-form"));
  const clip = { x, y, width, height: form.y + form.height + 10 - y };
  await picture(page, name, clip);
}

/** A card of the sidebar, its times and address as they may be anywhere. */
export async function pictureCard({ element }: Card, name: string): Promise<void> {
  if (!areWanted) return;
  const page = element.page();
  // All of it at once, which no section of the sidebar is high enough for.
  const tab = page.locator(".m1-sidebar");
  const place = "position: fixed; inset: 0 auto auto 0; width: 320px; height: auto; z-index: 99";
  await tab.evaluate((all, style) => all.setAttribute("style", style), place);
  await page.mouse.move(0, 0);
  await element.evaluate((card) => {
    const words = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const text = words.currentNode;
      text.textContent = (text.textContent ?? "")
        .replace(/\d+:\d\d:\d\d\s[AP]M/, "12:00:00 PM")
        .replace(/"\d{4}-.+Z"/, '"2026-01-31T12:00:00.123000Z"')
        .replace(/mqtt:.*/, "mqtts://mqtt.mediumone.com:61620")
        .replace(/for \d+ .*/, "for 3 min");
    }
  });
  await picture(page, name, await boxOf(tab));
  await tab.evaluate((all) => all.removeAttribute("style"));
}

/** The nodes on the canvas. */
export async function pictureFlow({ page }: Editor, name: string): Promise<void> {
  if (!areWanted) return;
  const nodes = await page.locator(".red-ui-flow-node-group").all();
  const boxes = await Promise.all(nodes.map(boxOf));
  const x = Math.min(...boxes.map((box) => box.x)) - MARGIN;
  const y = Math.min(...boxes.map((box) => box.y)) - MARGIN;
  const width = Math.max(...boxes.map((box) => box.x + box.width)) + MARGIN - x;
  const height = Math.max(...boxes.map((box) => box.y + box.height)) + MARGIN - y;
  const clip = { x, y, width, height };
  await picture(page, name, clip);
}

async function picture(page: Page, name: string, clip: Box): Promise<void> {
  const style = ".red-ui-notification { display: none !important }";
  await page.screenshot({ path: path.join(folder, `${name}.png`), clip, style });
}

/** Says where it has put a picture of each page that is open. */
export async function pictureFailure(browser: Browser): Promise<void> {
  const failures = await mkdtemp(path.join(os.tmpdir(), "m1-e2e-"));
  const pages = browser.contexts().flatMap((context) => context.pages());
  for (const [index, page] of pages.entries()) {
    const file = path.join(failures, `page-${index + 1}.png`);
    await page.screenshot({ path: file, scale: "css" });
    console.log(`      picture: ${file}`);
  }
}
