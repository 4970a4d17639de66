// What a person pastes: more than one field holds, such as a username or a topic, fills all the fields it states;
// and what came along with a value is left out.
import type { FieldName } from "../protocol/errors";
import { pastedValue, readPasted } from "../protocol/pasted";
import { currentValue, fillIn } from "./dialog";
import { shared } from "./explain";
import type { EditedNode } from "./red";

/** A field of the dialog, to read and to fill. */
export interface Field {
  get(): string;
  set(value: string): void;
}

export type Fields = Partial<Record<FieldName, Field>>;

/** The fields of these properties of the node. */
export function fieldsOf(node: EditedNode, properties: readonly FieldName[]): Fields {
  const field = (property: FieldName): Field => ({
    get: () => String(currentValue(node, property) ?? ""),
    set: (value) => fillIn(node, property, value),
  });
  return Object.fromEntries(properties.map((property) => [property, field(property)]));
}

/**
 * Watches `area`, an input or what holds some, for pastes into the field `into`. `fields` gives what
 * can be filled when a certain input is pasted into. What has been filled is told below it, with a
 * button that takes the text for what it would be otherwise: the value of one field.
 */
export function fillOnPaste(
  area: JQuery,
  into: FieldName,
  fields: (input: HTMLInputElement) => Fields,
): void {
  area.on("paste", (event) => {
    const text = pastedText(event);
    const input = event.target as HTMLInputElement;
    const known = fields(input);
    const stated = Object.entries(readPasted(text, into, known.apiKey?.get()) ?? {});
    const filled = stated.filter(([name]) => name in known) as [FieldName, string][];
    if (filled.length === 0) return;
    event.preventDefault();
    const before = filled.map(([name]) => [name, known[name]?.get() ?? ""] as const);
    const fill = (values: readonly (readonly [FieldName, string])[]) => {
      for (const [name, value] of values) known[name]?.set(value);
    };
    fill(filled);
    if (into === "userPassword")
      rejoinForAnotherKey(input, text, Object.fromEntries(filled), known);
    const names = filled.map(([name]) => shared(`fields.${name}`)).join(", ");
    tell(input, shared("note.pasted", { names }), () => {
      fill(before);
      known[into]?.set(text);
      input.focus();
    });
  });
}

const REJOIN = ".m1-rejoin";

/** A user password with a slash looks like an API key with a password: whoever enters another key says which it was. */
function rejoinForAnotherKey(
  input: HTMLElement,
  text: string,
  { apiKey, userPassword }: Partial<Record<FieldName, string>>,
  known: Fields,
): void {
  const form = $(input).closest("form");
  form.off(REJOIN).on(`change${REJOIN}`, () => {
    const key = known.apiKey?.get() ?? "";
    if (key === apiKey || key === "" || isCorrection(apiKey ?? "", key)) return;
    form.off(REJOIN);
    if (known.userPassword?.get() === userPassword) known.userPassword?.set(pastedValue(text));
  });
}

/** One of a slip in the same key, and not of the key. */
function isCorrection(before: string, after: string): boolean {
  return after.startsWith(before.slice(0, 2)) || after.endsWith(before.slice(-2));
}

/**
 * Pastes a value into an input without what came along with it. Text that is put between other text stays as it is,
 * and so does what a handler of the input itself has dealt with.
 */
export function pasteValue(event: JQuery.TriggeredEvent): void {
  const input = event.target as HTMLInputElement;
  const text = pastedText(event);
  const value = pastedValue(text);
  const isWhole = input.selectionStart === 0 && input.selectionEnd === input.value.length;
  if (event.isDefaultPrevented() || !isWhole || value === text) return;
  event.preventDefault();
  // Unlike a new value of the input, this can be taken back with the keyboard.
  document.execCommand("insertText", false, value);
  $(input).trigger("change");
  tell(input, shared("note.trimmed"), () => {
    $(input).val(text).trigger("input").trigger("change").trigger("focus");
  });
}

function pastedText(event: JQuery.TriggeredEvent): string {
  const { clipboardData } = (event.originalEvent ?? {}) as Partial<ClipboardEvent>;
  return clipboardData?.getData("text") ?? "";
}

function tell(input: HTMLElement, words: string, undo: () => void): void {
  $(".m1-pasted").remove();
  const note = $('<div class="m1-tip m1-pasted" role="status">');
  const button = $('<button type="button" class="m1-link">').text(shared("label.undoPaste"));
  button.on("click", () => {
    note.remove();
    undo();
  });
  note.append('<i class="fa fa-magic" aria-hidden="true"></i> ');
  note.append($("<span>").text(words), " ", button);
  $(input).closest(".form-row").append(note);
  // Of another field, it can still be taken back.
  $(input).one("input", () => note.remove());
}
