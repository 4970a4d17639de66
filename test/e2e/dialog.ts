// A dialog that is open in the editor, by the labels of its fields and the words on its buttons.
import type { Locator, Page } from "playwright-core";

export class Dialog {
  /** `depth` is 1 for a node's dialog, 2 for that of a config node opened from there. */
  constructor(
    readonly page: Page,
    private readonly depth = 1,
  ) {}

  get element(): Locator {
    const { page, depth } = this;
    const title = page.locator(`.red-ui-tray-breadcrumbs li:nth-child(${depth}):last-child`);
    return page.locator(".red-ui-tray").filter({ has: title });
  }

  /** Found by the words beside it: Node-RED 5 puts what is wrong with a field into its name. */
  field(label: string): Locator {
    return this.row(label).locator("input:visible, select:visible").first();
  }

  /** What the field offers while one types. */
  async offered(label: string): Promise<string[]> {
    const list = await this.field(label).getAttribute("list");
    const options = this.element.locator(`datalist[id="${list}"] option`);
    return options.evaluateAll((all) => all.map((option) => (option as HTMLOptionElement).value));
  }

  /** Types into each field and leaves it. */
  async fill(fields: Readonly<Record<string, string>>): Promise<void> {
    for (const [label, text] of Object.entries(fields)) {
      await this.field(label).fill(text);
      await this.field(label).press("Tab");
    }
  }

  /** The words of the chosen option. */
  chosen(label: string): Promise<string> {
    return this.field(label).locator("option:checked").innerText();
  }

  async choose(label: string, option: string): Promise<void> {
    await this.field(label).selectOption({ label: option });
  }

  /** The words before a typed field: string, msg., … */
  async chooseType(label: string, type: string): Promise<void> {
    await this.row(label).locator(".red-ui-typedInput-type-select").click();
    const menu = this.page.locator(".red-ui-typedInput-options:visible");
    const choice = menu.locator("a").filter({ hasText: type }).first();
    try {
      await choice.click({ timeout: 3_000 });
    } catch (error) {
      // A click on what still moves may be tried again, and then the first has closed the menu.
      if (await menu.isVisible()) throw error;
    }
  }

  /** The choices that `chooseType` has. */
  async types(label: string): Promise<string[]> {
    await this.row(label).locator(".red-ui-typedInput-type-select").click();
    const menu = this.page.locator(".red-ui-typedInput-options:visible");
    const types = await menu.locator("a").allInnerTexts();
    await this.element.locator(".red-ui-tray-header").click();
    return types.map((type) => type.trim());
  }

  /** The plus beside a choice of config nodes. */
  add(label: string): Promise<Dialog> {
    return this.openConfig(label, ".fa-plus");
  }

  /** The pencil beside a choice of config nodes. */
  edit(label: string): Promise<Dialog> {
    return this.openConfig(label, ".fa-pencil");
  }

  /** The labels of the fields that are marked as wrong. */
  async problems(): Promise<string[]> {
    await this.settled();
    const wrong = this.page.locator(".input-error:visible");
    const rows = this.element.locator(".form-row").filter({ has: wrong });
    const labels = await rows.locator("label").allInnerTexts();
    return labels.map((label) => label.trim());
  }

  /** What is wrong with a field, in the words below it. */
  problem(label: string): Promise<string> {
    return this.row(label).locator(".m1-warning:visible span").innerText();
  }

  /** What is legal in a field and hardly meant, in the words below it. */
  hint(label: string): Promise<string> {
    return this.row(label).locator(".m1-hint:visible span").innerText();
  }

  hints(label: string): Promise<number> {
    return this.row(label).locator(".m1-hint:visible").count();
  }

  /**
   * What cannot be seen to its end: parts that stick out of the form or hide some of their words, and choices that are
   * wider than their list. `width` in pixels is the form's meanwhile.
   */
  cutOff(width?: number): Promise<string[]> {
    return this.element.locator(".m1-form").evaluate((form, pixels) => {
      const ARROW = 24;
      const context = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;
      if (pixels !== undefined) form.style.width = `${pixels}px`;
      const { left, right } = form.getBoundingClientRect();
      const cut = [...form.querySelectorAll<HTMLElement>("*")].flatMap((part) => {
        if (!part.checkVisibility()) return [];
        const name = part.id || part.innerText.slice(0, 60);
        const box = part.getBoundingClientRect();
        if (box.left < left - 1 || box.right > right + 1) return name;
        if (part instanceof HTMLInputElement || part instanceof HTMLOptionElement) return [];
        if (part instanceof HTMLSelectElement) {
          const { font, paddingLeft } = getComputedStyle(part);
          context.font = font;
          const room = part.clientWidth - Number.parseFloat(paddingLeft) - ARROW;
          const words = [...part.options].map((option) => option.text);
          return words.filter((text) => context.measureText(text).width > room);
        }
        return part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0 ? name : [];
      });
      form.style.width = "";
      return cut;
    }, width);
  }

  /** What the settings come to, line by line. */
  preview(): Promise<string[]> {
    return this.element.locator(".m1-preview code").allInnerTexts();
  }

  /** What stands in the place of lines that cannot be shown. */
  async previewProblems(): Promise<string[]> {
    const problems = await this.element.locator(".m1-preview .m1-warning").allInnerTexts();
    return problems.map((problem) => problem.trim());
  }

  /** Cuts a text out of one field and pastes it into another, as from another window. */
  async paste(label: string, text: string): Promise<void> {
    const scratch = this.field("Name");
    await scratch.fill(text);
    await scratch.press("Control+a");
    await scratch.press("Control+x");
    await this.field(label).press("Control+v");
  }

  async press(button: string): Promise<void> {
    await this.element.getByRole("button", { name: button, exact: true }).click();
  }

  /** Resolves when the line beside the button says this. */
  async answers(button: string, words: string | RegExp): Promise<void> {
    const row = this.page.getByRole("button", { name: button });
    const line = this.element.locator(".m1-action").filter({ has: row }).getByRole("status");
    await line.getByText(words).waitFor();
  }

  /** Adds an entry to a list, which is typed into as a field. */
  async addEntry(label: string, text: string): Promise<void> {
    const row = this.row(label);
    await row.locator(".red-ui-editableList-addButton").click();
    await row.locator("li input").last().fill(text);
  }

  /** Takes the only entry out of a list. */
  async removeEntry(label: string): Promise<void> {
    const entry = this.row(label).locator("li");
    await entry.locator(".red-ui-editableList-item-remove").click();
    // It fades for a moment.
    await entry.waitFor({ state: "detached" });
  }

  /** The button below the fields that says Enabled or Disabled. */
  async toggleEnabled(): Promise<void> {
    await this.element
      .locator(".red-ui-tray-footer")
      .getByText(/^(En|Dis)abled$/)
      .click();
  }

  /** Done, Add or Update: whatever the button is called. */
  async done(): Promise<void> {
    await this.primaryButton.click();
    await this.element.waitFor({ state: "detached" });
  }

  async cancel(): Promise<void> {
    await this.element.locator(".red-ui-tray-toolbar").getByText("Cancel", { exact: true }).click();
    await this.element.waitFor({ state: "detached" });
  }

  private get primaryButton(): Locator {
    return this.element.locator(".red-ui-tray-toolbar button.primary");
  }

  /** Resolves when it has slid in. */
  private async settled(): Promise<void> {
    await this.primaryButton.click({ trial: true });
    await this.element.locator(".form-row").first().waitFor();
  }

  private row(label: string): Locator {
    const words = this.page.locator("label").getByText(label, { exact: true });
    return this.element.locator(".form-row").filter({ has: words });
  }

  private async openConfig(label: string, icon: string): Promise<Dialog> {
    const button = this.page.locator("a.red-ui-button").filter({ has: this.page.locator(icon) });
    await this.row(label).locator(button).click();
    return new Dialog(this.page, this.depth + 1);
  }
}
