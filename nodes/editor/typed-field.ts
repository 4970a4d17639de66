// Fields whose value is of a type that the user chooses: text, a property of the message, …
import type { EditorWidgetTypedInputType, EditorWidgetTypedInputTypeDefinition } from "node-red";
import { type FieldName, M1Error } from "../protocol/errors";
import { currentValue, inputOf } from "./dialog";
import { explain, hasVariable, translateError } from "./explain";
import type { EditedNode, Validator, Verdict } from "./red";

type Type = EditorWidgetTypedInputType | TypeDefinition;
type TypeDefinition = Omit<EditorWidgetTypedInputTypeDefinition, "validate"> & {
  readonly validate?: (value: string) => Verdict;
};
type TextCheck = (text: string) => unknown;

const TEXT_ICON = "red/images/typedInput/az.svg";

const typeProperty = (property: string) => `${property}Type`;

/** The type "string" whose text must pass `check`. */
export function textType(check: TextCheck): TypeDefinition {
  return {
    value: "str",
    label: RED._("typedInput.type.str"),
    icon: TEXT_ICON,
    validate: (text) => textVerdict(text, check),
  };
}

/** A type that needs no value. */
export function valuelessType(value: string, label: string, icon: string): TypeDefinition {
  return { value, label, icon, hasValue: false };
}

/** Turns the input of a property into a typed one, labelled as the input was. */
export function typedField(node: EditedNode, property: string, types: Type[]): void {
  const input = inputOf(node, property);
  dropTooltip(input);
  input.typedInput({
    types: types as EditorWidgetTypedInputTypeDefinition[],
    typeField: inputOf(node, typeProperty(property)),
  });
  // The input that the label names is hidden now; the widget shows one of its own, and a button.
  const label = $(`label[for="${input.attr("id")}"]`);
  const container = input.next(".red-ui-typedInput-container");
  const id = `${input.attr("id")}-value`;
  container.find(".red-ui-typedInput-input").attr("id", id);
  label.attr({ for: id, id: `${id}-label` });
  // The button's own content is the type.
  const button = container.find(".red-ui-typedInput-type-select").attr("id", `${id}-type`);
  button.attr("aria-labelledby", `${id}-label ${id}-type`);
}

/**
 * The widget shows its tooltip on an input of its own, but not while the hidden input has one; and
 * Node-RED gives one to each invalid input as soon as any input changes.
 */
function dropTooltip(input: JQuery): void {
  input.data("tooltip")?.delete();
  input.removeData("tooltip");
}

/** Types that stand for nothing without a value. */
const NEEDS_VALUE = new Set(["msg", "flow", "global", "env", "json", "jsonata"]);

/** Expressions, JSON and the names of properties must be there and well formed, and pass the check of their type. */
export function typedFieldValidator(
  property: FieldName,
  checks: Readonly<Record<string, TextCheck>>,
): Validator {
  return function (value, options) {
    const type = String(currentValue(this, typeProperty(property)) ?? "");
    const text = String(value ?? "");
    if (NEEDS_VALUE.has(type) && text.trim() === "") {
      return translateError(new M1Error("SETTING_BLANK", { field: property }));
    }
    const verdict = RED.validators.typedInput({ type }).call(this, text, options);
    const check = checks[type];
    return verdict === true && check ? textVerdict(text, check) : verdict;
  };
}

function textVerdict(text: string, check: TextCheck): Verdict {
  return hasVariable(text) || explain(() => check(text));
}
