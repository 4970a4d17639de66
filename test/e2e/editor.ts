// Node-RED's editor as a person uses it: the palette, the canvas, the menus and the sidebars.
import type { Browser, Locator, Page } from "playwright-core";
import { Dialog } from "./dialog";

/** Milliseconds. */
const PATIENCE = 10_000;

/** Where on the canvas, in pixels from its upper left corner. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Place {
  readonly width: number;
  readonly height: number;
}

/** The editor's own list. */
interface Nodes {
  eachConfig(visit: (node: { readonly type: string }) => void): void;
}

export class Editor {
  private constructor(readonly page: Page) {}

  static async open(browser: Browser, url: string): Promise<Editor> {
    const page = await browser.newPage({
      viewport: { width: 1280, height: 1100 },
      deviceScaleFactor: 2,
      locale: "en-US",
    });
    page.setDefaultTimeout(PATIENCE);
    const editor = new Editor(page);
    await page.goto(url);
    await editor.loaded();
    return editor;
  }

  async loaded(): Promise<void> {
    await this.page.locator('.red-ui-palette-node[data-palette-type="inject"]').waitFor();
    await this.page.locator("#red-ui-loading-progress").waitFor({ state: "hidden" });
  }

  // --- palette ------------------------------------------------------------------------------------

  /** Menu → Manage palette → Install, with the button for a file. */
  async install(tarball: string): Promise<void> {
    const { page } = this;
    await this.press("Alt+Shift+P");
    await page.locator(".red-ui-tab", { hasText: "Install" }).click();
    await page.locator("input[name=tarball]").setInputFiles(tarball);
    await page.getByRole("button", { name: "Upload" }).click();
    await this.notification("added to palette").click({ timeout: 60_000 });
    await this.closeSettings();
  }

  /** The palette's nodes under a heading, by what is written on them. */
  async palette(category: string): Promise<string[]> {
    const nodes = this.page
      .locator(".red-ui-palette-category")
      .filter({ has: this.page.locator(".red-ui-palette-header", { hasText: category }) })
      .locator(".red-ui-palette-label");
    return (await nodes.allInnerTexts()).sort();
  }

  async drag(type: string, place: Place): Promise<void> {
    const { page } = this;
    await page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`).hover();
    await page.mouse.down();
    await this.put(place);
  }

  // --- canvas -------------------------------------------------------------------------------------

  /** By its tab's place, counted from 1. */
  async openFlow(position: number): Promise<void> {
    await this.page
      .locator("#red-ui-workspace-tabs .red-ui-tab")
      .nth(position - 1)
      .click();
  }

  /** The node with this label. */
  node(label: string): Locator {
    const { page } = this;
    return page.locator(".red-ui-flow-node-group").filter({
      has: page.locator(".red-ui-flow-node-label").getByText(label, { exact: true }),
    });
  }

  async wire(from: string, to: string): Promise<void> {
    const { page } = this;
    await this.node(from).locator(".red-ui-flow-port-output").hover();
    await page.mouse.down();
    const port = await boxOf(this.node(to).locator(".red-ui-flow-port-input"));
    await page.mouse.move(port.x + port.width / 2, port.y + port.height / 2, { steps: 5 });
    await page.mouse.up();
  }

  async edit(label: string): Promise<Dialog> {
    const dialog = new Dialog(this.page);
    for (let tries = 1; ; tries += 1) {
      await this.node(label).locator("rect.red-ui-flow-node").dblclick();
      try {
        await dialog.element.waitFor({ timeout: 4_000 });
        return dialog;
      } catch (error) {
        // On a busy machine, the editor takes two clicks for single ones.
        if (tries === 3) throw error;
      }
    }
  }

  async editSelected(): Promise<Dialog> {
    await this.press("Enter");
    return new Dialog(this.page);
  }

  async select(label: string): Promise<void> {
    await this.node(label).locator("rect.red-ui-flow-node").click();
  }

  async press(keys: string): Promise<void> {
    await this.page.keyboard.press(keys);
  }

  /** Pastes one node, and lets go of it at a place. */
  async paste(place: Place): Promise<void> {
    const nodes = this.page.locator(".red-ui-flow-node-group");
    const count = await nodes.count();
    await this.press("Control+v");
    await nodes.nth(count).waitFor();
    await this.put(place);
  }

  async pressButton(label: string): Promise<void> {
    await this.node(label).locator(".red-ui-flow-node-button-button").click();
  }

  async deploy(): Promise<void> {
    const { page } = this;
    const deployed = page.waitForResponse(
      (response) => response.url().endsWith("/flows") && response.request().method() === "POST",
    );
    await page.locator("#red-ui-header-button-deploy").click();
    await deployed;
  }

  /** Resolves when the node shows this status; rejects if it takes longer, in milliseconds. */
  async shows(label: string, status: string, timeout = PATIENCE): Promise<void> {
    const text = this.node(label).locator(".red-ui-flow-node-status-label");
    await text.getByText(status, { exact: true }).waitFor({ timeout });
  }

  /** `red`, `yellow`, … of the status that the node shows. */
  async statusColour(label: string): Promise<string> {
    const shape = this.node(label).locator(".red-ui-flow-node-status");
    const words = (await shape.getAttribute("class"))?.split("-") ?? [];
    return words.at(-1) ?? "";
  }

  /** Resolves when the debug sidebar has a message with this in its payload. */
  async debugMessage(payload: string): Promise<void> {
    await this.press("Control+g");
    await this.press("d");
    await this.page.locator(".red-ui-debug-msg", { hasText: payload }).first().waitFor();
  }

  /** The newest error in the debug sidebar, as it stands there. */
  async reported(): Promise<string> {
    await this.press("Control+g");
    await this.press("d");
    const errors = this.page.locator(".red-ui-debug-msg-level-20 .red-ui-debug-msg-payload");
    return errors.last().innerText();
  }

  /** All flows, as the export dialog gives them. */
  async exported(): Promise<string> {
    const { page } = this;
    await this.press("Control+e");
    await page.locator("#red-ui-clipboard-dialog-export-rng-full").click();
    const text = await page.locator("#red-ui-clipboard-dialog-export-text").inputValue();
    await page.locator("#red-ui-clipboard-dialog-cancel").click();
    return text;
  }

  async import(flow: string): Promise<void> {
    const { page } = this;
    await this.press("Control+i");
    const text = page.locator("#red-ui-clipboard-dialog-import-text");
    await text.fill(flow);
    // The dialog looks at what is typed, not at what is there.
    await text.press("End");
    await page.locator("#red-ui-clipboard-dialog-ok").click();
  }

  /** How many there are of a type. */
  configNodes(type: string): Promise<number> {
    return this.page.evaluate((wanted) => {
      let count = 0;
      const { nodes } = (globalThis as unknown as { RED: { nodes: Nodes } }).RED;
      nodes.eachConfig((node) => {
        if (node.type === wanted) count += 1;
      });
      return count;
    }, type);
  }

  /** Settings → View: the language, and in Node-RED 5 the theme. */
  async setting(name: string, value: string): Promise<void> {
    const { page } = this;
    await this.press("Control+,");
    await page.locator(`#user-settings-${name}`).selectOption(value);
    await this.closeSettings();
  }

  private async closeSettings(): Promise<void> {
    const { page } = this;
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator(".red-ui-tray").waitFor({ state: "detached" });
  }

  /** Moves what the mouse holds to a place, and lets go. */
  private async put({ x, y }: Place): Promise<void> {
    const { page } = this;
    const canvas = await boxOf(page.locator("#red-ui-workspace-chart"));
    await page.mouse.move(canvas.x + x, canvas.y + y, { steps: 5 });
    await page.mouse.up();
  }

  notification(text: string): Locator {
    return this.page.locator(".red-ui-notification").filter({ hasText: text });
  }
}

/** Where an element is in the window. */
export async function boxOf(locator: Locator): Promise<Box> {
  const found = await locator.boundingBox();
  if (!found) throw new Error(`not visible: ${locator}`);
  return found;
}
