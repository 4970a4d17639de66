// A list of short texts in a dialog, one to a row, each checked while it is typed.
import type { Verdict } from "./red";

const CHECK = "m1-check";
const PROBLEM = "m1-problem";
const WORDS = "m1-problem-words";

export interface TextListOptions {
  readonly placeholder: string;
  /** What each text is, for those who cannot see the form. */
  readonly label: string;
  /** The ID of a `datalist` with what may be meant. */
  readonly suggestions?: string;
  readonly verdict: (text: string, others: readonly string[]) => Verdict;
  /** Called after each change of any text. */
  readonly changed: () => void;
}

export class TextList {
  constructor(private readonly element: JQuery) {}

  show(texts: readonly string[], options: TextListOptions): void {
    this.element.editableList<{ text?: string }>({
      addItem: (row, _index, { text }) => this.addRow(row, text, options),
      removeItem: options.changed,
      removable: true,
      sortable: true,
      height: "auto",
    });
    for (const text of texts) this.element.editableList("addItem", { text });
  }

  /** The texts in their order, without blank ones and repetitions, nor white space around them. */
  texts(): string[] {
    const texts = this.inputs().map((input) => input.value.trim());
    return [...new Set(texts)].filter((text) => text !== "");
  }

  /** Checks all rows, for what is wrong with one may depend on others; what is wrong, in words. */
  check(): string[] {
    for (const input of this.inputs()) $(input).triggerHandler(CHECK);
    const words = this.inputs().map((input) => $(input).data(WORDS) as string | null);
    return words.filter((word) => word !== null);
  }

  /** The text of a row by its input. */
  field(element: HTMLInputElement): { get(): string; set(text: string): void } {
    const input = $(element);
    return {
      get: () => String(input.val()),
      set: (text) => input.val(text).trigger("input"),
    };
  }

  private inputs(): HTMLInputElement[] {
    // A row that is being removed stays in the page until it has faded.
    const rows = this.element.children(":not(.red-ui-editableList-item-deleting)");
    return rows.find("input").get() as HTMLInputElement[];
  }

  /** `text` is undefined for a row that the user adds. */
  private addRow(row: JQuery, text: string | undefined, options: TextListOptions): void {
    const { placeholder, label, suggestions } = options;
    const input = $('<input type="text">').attr({ placeholder, "aria-label": label });
    if (suggestions !== undefined) input.attr("list", suggestions);
    input.val(text ?? "").appendTo(row);
    const check = () => {
      const current = String(input.val());
      const others = this.inputs().filter((other) => other !== input[0]);
      const texts = others.map((other) => other.value);
      mark(input, current === "" || options.verdict(current, texts));
    };
    input.on(CHECK, check);
    input.on("input", () => {
      check();
      options.changed();
    });
    check();
    if (text === undefined) setTimeout(() => input.trigger("focus"));
  }
}

/** As Node-RED marks an invalid input: an outline, and the words as a tooltip. */
function mark(input: JQuery, verdict: Verdict): void {
  input.toggleClass("input-error", verdict !== true);
  const tooltip = input.data(PROBLEM);
  input.data(WORDS, verdict === true ? null : verdict);
  if (verdict === true) {
    tooltip?.delete();
    input.removeData(PROBLEM);
  } else if (tooltip) {
    tooltip.setContent(verdict);
  } else {
    input.data(PROBLEM, RED.popover.tooltip(input, verdict));
  }
}
