// More pasted than one field holds, such as a username or a topic, fills all the fields it states.
import type { FieldName } from "../protocol/errors";
import { readPasted } from "../protocol/pasted";
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
    const { clipboardData } = event.originalEvent as ClipboardEvent;
    const text = clipboardData?.getData("text") ?? "";
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
    tell(input, filled, () => {
      fill(before);
      known[into]?.set(text);
      input.focus();
    });
  });
}

function tell(input: HTMLElement, filled: readonly [FieldName, string][], undo: () => void): void {
  $(".m1-pasted").remove();
  const names = filled.map(([name]) => shared(`fields.${name}`)).join(", ");
  const note = $('<div class="m1-tip m1-pasted" role="status">');
  const button = $('<button type="button" class="m1-link">').text(shared("label.undoPaste"));
  button.on("click", () => {
    note.remove();
    undo();
  });
  note.append('<i class="fa fa-magic" aria-hidden="true"></i> ');
  note.append($("<span>").text(shared("note.pasted", { names })), " ", button);
  $(input).closest(".form-row").append(note);
  $(input)
    .closest("form")
    .one("input", () => note.remove());
}
