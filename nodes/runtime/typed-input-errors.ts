// Why a typed input has no value: the field, where its value was looked for, and what is there instead.
import type { NodeAPI, NodeMessage } from "node-red";
import { excerpt, type FieldName, M1Error, quoted } from "../protocol/errors";
import { type Path, placeOf } from "../protocol/place";

/** A typed input as it is set. */
export interface StatedInput {
  readonly field: FieldName;
  readonly type: string;
  readonly value: string;
}

/** SETTING_BLANK, unless blank text is meant as such. */
export function blankInput({ field, type, value }: StatedInput): M1Error | undefined {
  const mayBeBlank = type === "str" && field !== "observedAt";
  return mayBeBlank || value.trim() !== "" ? undefined : new M1Error("SETTING_BLANK", { field });
}

/** INPUT_BLANK: what a message has, or its sender left out, is no blank on purpose. */
export function blankResult(RED: NodeAPI, input: StatedInput): M1Error {
  return new M1Error("INPUT_BLANK", { field: input.field, source: inputPath(RED, input) });
}

/** There is nothing: INPUT_MISSING, or INPUT_NOWHERE if the path ends before. */
export function missingInput(
  RED: NodeAPI,
  input: StatedInput,
  msg: NodeMessage,
  found: null | undefined,
): M1Error {
  const { field } = input;
  const details = { field, path: inputPath(RED, input), ...quoted(found) };
  return brokenPath(RED, input, msg) ?? new M1Error("INPUT_MISSING", details);
}

/** It cannot be read: INPUT_NOWHERE if the path ends before, INPUT_FAILED otherwise. */
export function failedInput(
  RED: NodeAPI,
  input: StatedInput,
  cause: unknown,
  msg?: NodeMessage,
): M1Error {
  const { field } = input;
  // A path that is not valid has no end.
  const broken = msg && cause instanceof TypeError ? brokenPath(RED, input, msg) : undefined;
  const details = { field, path: inputPath(RED, input), reason: reasonOf(cause) };
  return broken ?? new M1Error("INPUT_FAILED", details, { cause });
}

/** Where the value comes from, as people know it from the editor. */
function inputPath(RED: NodeAPI, { type, value }: StatedInput): string {
  switch (type) {
    case "msg":
      return `msg.${withoutMsg(value)}`;
    case "flow":
    case "global": {
      const { key, store } = RED.util.parseContextStore(value);
      return store === undefined ? `${type}.${key}` : `${type}.${key} (${store})`;
    }
    case "env":
      return excerpt(`\${${value}}`);
    default:
      return excerpt(value);
  }
}

/** INPUT_NOWHERE if a path of the message goes on behind something that has no properties. */
function brokenPath(RED: NodeAPI, input: StatedInput, msg: NodeMessage): M1Error | undefined {
  if (input.type !== "msg") return undefined;
  const steps = RED.util.normalisePropertyExpression(withoutMsg(input.value), msg);
  const passed: Path = ["msg"];
  let found: unknown = msg;
  for (const step of steps.slice(0, -1)) {
    found = (found as Record<string | number, unknown>)[step];
    passed.push(step);
    if (typeof found === "object" && found !== null) continue;
    const details = { path: inputPath(RED, input), place: placeOf(passed), ...quoted(found) };
    return new M1Error("INPUT_NOWHERE", { field: input.field, ...details });
  }
  return undefined;
}

function withoutMsg(path: string): string {
  return path.replace(/^msg\./, "");
}

/** JSONata throws objects that are no Error but have a message. */
function reasonOf(cause: unknown): string {
  const message = (cause as { message?: unknown } | undefined)?.message;
  return typeof message === "string" ? message : String(cause);
}
