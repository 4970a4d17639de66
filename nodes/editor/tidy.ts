// White space around a text goes away: that of a pasted one at once, any other when the field is left.
import { pasteValue } from "./paste";

const TEXTS = "input[type=text]";
const ALL = `${TEXTS}, input[type=password]`;

/** Rows whose text is data, and types whose text is code: white space and quotes mean something there. */
const DATA = ".m1-data";
const CODE: ReadonlySet<string> = new Set(["json", "jsonata"]);
const NAMES: ReadonlySet<string> = new Set(["msg", "flow", "global", "env"]);

/** For all inputs of a dialog. In a password white space may be meant: what is typed there stays. */
export function tidyTexts(form: JQuery): void {
  form.on("paste", ALL, (event) => {
    if (isSetting(event.target)) pasteValue(event);
  });
  form.on("change", TEXTS, ({ target }) => {
    const text = target.value.trim();
    if (text === target.value || !isSetting(target)) return;
    $(target).val(text).trigger("input").trigger("change");
  });
}

function isSetting(input: HTMLInputElement): boolean {
  const typed = $(input).closest(".red-ui-typedInput-container").prev("input");
  const type = typed.length > 0 ? String(typed.typedInput("type")) : "str";
  return NAMES.has(type) || (!CODE.has(type) && $(input).closest(DATA).length === 0);
}
