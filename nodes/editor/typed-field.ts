// Fields whose value is of a type that the user chooses: text, a property of the message, …
import type { EditorWidgetTypedInputType, EditorWidgetTypedInputTypeDefinition } from "node-red";
import { currentValue, inputOf } from "./dialog";
import { explain, hasVariable } from "./explain";
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

/** Text must pass `checkText`; expressions and the names of properties must be well formed. */
export function typedFieldValidator(property: string, checkText: TextCheck): Validator {
  return function (value, options) {
    const type = currentValue(this, typeProperty(property));
    if (type === undefined) return true;
    if (type === "str") return textVerdict(String(value ?? ""), checkText);
    if (type === "env" && value === "") {
      return RED._("validator.errors.missing-required-prop", { prop: options.label ?? property });
    }
    return RED.validators.typedInput({ type: String(type) }).call(this, value, options);
  };
}

function textVerdict(text: string, check: TextCheck): Verdict {
  return hasVariable(text) || explain(() => check(text));
}
