// A node's stored settings: variables replaced, defaults for what is absent, an error for a variable that is not set.
import type { Node, NodeAPI } from "node-red";
import { type FieldName, M1Error } from "../protocol/errors";
import { spaceAround } from "../protocol/space-around";
import { envReference, replaceReferences } from "./env-reference";
import { problem } from "./problem";

/**
 * The settings of a node with the variables in them replaced, seen from where the node is. What is not set stays, and
 * `setting` throws it. A typed value that is no text is a name or an expression: that is Node-RED's to read.
 */
export function replaceVariables<Config extends object>(
  RED: NodeAPI,
  node: Node,
  config: Config,
): Config {
  const types = config as Readonly<Record<string, unknown>>;
  const lookUp = (name: string): unknown => RED.util.getSetting(node, name);
  const replaced = Object.entries(config).map(([field, value]) => {
    const isText = (types[`${field}Type`] ?? "str") === "str";
    return [field, isText ? replaceReferences(value, field, lookUp) : value];
  });
  return Object.fromEntries(replaced) as Config;
}

/** The value, unless it is absent, or refers to a variable that is not set (ENV_UNSET). */
export function setting(value: unknown, field: FieldName, absent: unknown): unknown {
  if (value === undefined || value === null) return absent;
  const name = envReference(value, field);
  if (name !== undefined) throw new M1Error("ENV_UNSET", { field, name });
  return value;
}

/** As `setting`, as text. */
export function textSetting(value: unknown, field: FieldName, absent = ""): string {
  return String(setting(value, field, absent));
}

/** As `setting`, for a checkbox; a variable can only hold the words. */
export function flagSetting(value: unknown, field: FieldName, absent: boolean): boolean {
  const stated = setting(value, field, absent);
  return stated === true || stated === "true";
}

/** A warning where white space stands around what people choose: it is legal, and hardly ever meant. */
export function warnOfSpaceAround(
  RED: NodeAPI,
  node: Node,
  text: string,
  field: "deviceId" | "groupId" | "userPassword",
): void {
  const warning = spaceAround(text, field);
  if (warning) node.warn(problem(RED, warning));
}

/** The result of `read`, or the M1Error it threw: what is wrong with the settings is shown, not thrown. */
export function attempt<T>(
  read: () => T,
): { value: T; fault?: never } | { value?: never; fault: M1Error } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof M1Error) return { fault: error };
    throw error;
  }
}
