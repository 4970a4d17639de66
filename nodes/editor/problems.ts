// Why a field is not valid, in words below it: Node-RED's own tooltip needs a mouse.
import { currentValue, inputOf } from "./dialog";
import { isEnvironmentReference } from "./explain";
import type { EditedNode, Validator } from "./red";

/** For every field of the open dialog whose validator explains itself. */
export function showProblems(node: EditedNode): void {
  const definitions = { ...node._def.defaults, ...node._def.credentials };
  for (const [property, { validate, label }] of Object.entries(definitions)) {
    const input = inputOf(node, property);
    if (validate && input.length > 0) watch(node, property, input, validate, label);
  }
}

function watch(
  node: EditedNode,
  property: string,
  input: JQuery,
  validate: Validator,
  label: string | undefined,
): void {
  const row = input.closest(".form-row");
  const id = `${input.attr("id")}-problem`;
  const line = problemLine(id).appendTo(row);
  /** A new node is blank, which is no mistake before the user has been there. */
  let isTouched = false;
  const show = () => {
    const value = currentValue(node, property);
    const isAccepted = isEnvironmentReference(value) || (value === "" && !isTouched);
    const options = label === undefined ? {} : { label };
    const verdict = isAccepted || validate.call(node, value, options);
    const isValid = verdict === true;
    line.toggle(!isValid);
    line.find("span").text(isValid ? "" : verdict);
    // Of a typed input, the first is hidden.
    const inputs = row.find("input, select");
    inputs.attr({ "aria-invalid": String(!isValid), "aria-errormessage": id });
  };
  row.on("focusout", () => {
    isTouched = true;
    show();
  });
  input.on("input change", show);
}

function problemLine(id: string): JQuery {
  const line = $('<div class="m1-tip m1-warning" role="status">').attr("id", id).hide();
  return line.append('<i class="fa fa-warning" aria-hidden="true"></i> ', "<span>");
}
