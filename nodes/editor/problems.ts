// Why a field is not valid, or hardly what was meant, in words below it: Node-RED's own tooltip needs a mouse.
import type { FieldName } from "../protocol/errors";
import { currentValue, inputOf } from "./dialog";
import { hasVariable } from "./explain";
import { hintOf } from "./hints";
import type { EditedNode, Validator } from "./red";
import { whenStill } from "./still";

/** For every field of the open dialog whose validator explains itself, and every text. */
export function showProblems(node: EditedNode): void {
  const definitions = { ...node._def.defaults, ...node._def.credentials };
  for (const [property, { validate, label }] of Object.entries(definitions)) {
    const input = inputOf(node, property);
    const isText = input.is("input[type=text], input[type=password]");
    if (validate || isText) watch(node, property, input, validate, label);
  }
}

function watch(
  node: EditedNode,
  property: string,
  input: JQuery,
  validate: Validator | undefined,
  label: string | undefined,
): void {
  const row = input.closest(".form-row");
  const id = `${input.attr("id")}-problem`;
  const problem = noteLine("m1-warning", "fa-warning").attr("id", id).appendTo(row);
  const hint = noteLine("m1-hint", "fa-info-circle").appendTo(row);
  /** A new node is blank, which is no mistake before the user has been there. */
  let isTouched = false;
  const show = () => {
    const value = currentValue(node, property);
    const isAccepted = hasVariable(value, property) || (value === "" && !isTouched);
    const options = label === undefined ? {} : { label };
    const verdict = isAccepted || !validate || validate.call(node, value, options);
    const isValid = verdict === true;
    say(problem, isValid ? undefined : verdict);
    say(hint, isValid ? textHint(node, property) : undefined);
    // Of a typed input, the first is hidden.
    const inputs = row.find("input, select");
    inputs.attr({ "aria-invalid": String(!isValid), "aria-errormessage": id });
  };
  row.on("focusout", () => {
    isTouched = true;
    whenStill(show);
  });
  input.on("input change", () => whenStill(show));
  whenStill(show);
}

function textHint(node: EditedNode, property: string): string | undefined {
  const value = currentValue(node, property);
  const type = currentValue(node, `${property}Type`);
  if (typeof value !== "string" || (type !== undefined && type !== "str")) return undefined;
  return hintOf(property as FieldName, value, type !== undefined);
}

/** A line of a row that says something at times; screen readers tell it then. */
export function noteLine(kind: "m1-warning" | "m1-hint", icon: string): JQuery {
  const line = $('<div class="m1-tip" role="status">').addClass(kind).hide();
  return line.append(`<i class="fa ${icon}" aria-hidden="true"></i> `, "<span>");
}

/** Nothing if there are no words. */
export function say(line: JQuery, words: string | undefined): void {
  line.toggle(words !== undefined);
  line.find("span").text(words ?? "");
}
