// Why a field is not valid, or hardly what was meant, in words below it: Node-RED's own tooltip needs a mouse.
import type { FieldName } from "../protocol/errors";
import { currentValue, inputOf } from "./dialog";
import { hintOf } from "./hints";
import type { EditedNode, Verdict } from "./red";
import { whenStill } from "./still";

/** For every field of the open dialog whose validator explains itself, and every text. */
export function showProblems(node: EditedNode): void {
  const definitions = { ...node._def.defaults, ...node._def.credentials };
  for (const [property, { validate }] of Object.entries(definitions)) {
    const input = inputOf(node, property);
    const isText = input.is("input[type=text], input[type=password]");
    if (validate || isText) watch(node, property, input);
  }
}

/** What is wrong with a property, as the open dialog has it. */
export function verdictOf(node: EditedNode, property: string): Verdict {
  const { defaults, credentials } = node._def;
  const { validate, label } = { ...defaults, ...credentials }[property] ?? {};
  const value = currentValue(node, property);
  return validate?.call(node, value, label === undefined ? {} : { label }) ?? true;
}

function watch(node: EditedNode, property: string, input: JQuery): void {
  const row = input.closest(".form-row");
  const id = `${input.attr("id")}-problem`;
  const problem = noteLine("m1-warning", "fa-warning").attr("id", id).appendTo(row);
  const hint = noteLine("m1-hint", "fa-info-circle").appendTo(row);
  /** A new node is blank, which is no mistake before the user has been there. */
  let isTouched = false;
  const show = () => {
    const isUntouched = currentValue(node, property) === "" && !isTouched;
    const verdict = isUntouched || verdictOf(node, property);
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
