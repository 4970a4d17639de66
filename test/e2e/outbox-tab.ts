// The sidebar tab "Medium One" as a person uses it: the cards of connections, their lists, questions and answers.
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import type { Editor } from "./editor";

export class OutboxTab {
  readonly element: Locator;

  private constructor(readonly page: Page) {
    this.element = page.locator(".m1-sidebar");
  }

  /** Menu → View → Medium One. */
  static async open({ page }: Editor): Promise<OutboxTab> {
    await page.locator("#red-ui-header-button-sidemenu").click();
    await page.locator("#menu-item-view-menu").hover();
    await page.locator("#menu-item-view-menu-m1-outbox").click();
    const tab = new OutboxTab(page);
    await tab.element.waitFor();
    return tab;
  }

  /** Another tab comes to the front. */
  async leave(): Promise<void> {
    await this.page.keyboard.press("Control+g");
    await this.page.keyboard.press("i");
    await this.element.waitFor({ state: "hidden" });
  }

  card(name: string): Card {
    return new Card(this.page, this.element.getByRole("region", { name, exact: true }));
  }

  /** What deleted connections have left. */
  get left(): Locator {
    return this.element.getByRole("region", { name: "Left by deleted connections" });
  }

  says(words: string | RegExp): Promise<void> {
    return this.element.getByText(words).first().waitFor();
  }

  /** The question that is asked before anything is lost. */
  get question(): Question {
    return new Question(this.page);
  }

  /** What is wider than the tab at a width in pixels. */
  cutOff(width: number): Promise<string[]> {
    return this.element.evaluate((tab, pixels) => {
      tab.style.width = `${pixels}px`;
      const { right } = tab.getBoundingClientRect();
      const parts = [...tab.querySelectorAll("*")].filter((part) => part.checkVisibility());
      const wide = parts.filter((part) => part.getBoundingClientRect().right > right - 1);
      const hidden = parts.filter((part) => part.scrollWidth > part.clientWidth + 1);
      const inline = hidden.filter((part) => getComputedStyle(part).display !== "inline");
      tab.style.width = "";
      return [...wide, ...inline].map((part) => `${part.className} ${part.textContent}`);
    }, width);
  }
}

export class Card {
  constructor(
    private readonly page: Page,
    readonly element: Locator,
  ) {}

  /** Resolves when it says this. */
  says(words: string | RegExp): Promise<void> {
    return this.element.getByText(words).first().waitFor();
  }

  /** The number over these words. */
  figure(words: string): Promise<string> {
    const figure = this.element.locator("dl > div").filter({ hasText: words });
    return figure.locator("dd").innerText();
  }

  /** Resolves when that many wait, or are in quarantine. */
  async counts(what: "Waiting" | "In quarantine", count: number): Promise<void> {
    await this.heading(`${what}: ${count}`).waitFor();
  }

  /** Folds or unfolds "Waiting" or "In quarantine". */
  async turn(what: "Waiting" | "In quarantine"): Promise<void> {
    await this.heading(new RegExp(`^${what}: `)).click();
  }

  /** The events of the unfolded list. */
  get events(): Locator {
    return this.element.locator(".m1-event:visible");
  }

  async press(button: string): Promise<void> {
    await this.element.locator("button:visible").and(this.named(button)).first().click();
  }

  async search(device: string): Promise<void> {
    await this.element.getByRole("searchbox").locator("visible=true").fill(device);
  }

  /** The lines of the file that a button lets the browser save. */
  async download(): Promise<{ name: string; lines: string[] }> {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.press("Download"),
    ]);
    const text = await readFile(await download.path(), "utf8");
    return { name: download.suggestedFilename(), lines: text.trimEnd().split("\n") };
  }

  private heading(name: string | RegExp): Locator {
    return this.element.getByRole("button", { name, exact: true });
  }

  private named(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }
}

class Question {
  readonly element: Locator;

  constructor(page: Page) {
    this.element = page.getByRole("alertdialog");
  }

  words(): Promise<string> {
    return this.element.locator("p").innerText();
  }

  async answer(button: string): Promise<void> {
    await this.element.getByRole("button", { name: button, exact: true }).click();
    await this.element.waitFor({ state: "detached" });
  }
}
