// The value of a typed input for a message: read at once where Node-RED can, or promised.
import type { Node, NodeAPI, NodeMessage } from "node-red";
import { type FieldName, M1Error } from "../protocol/errors";
import { envReference } from "./env-reference";
import {
  blankInput,
  blankResult,
  failedInput,
  missingInput,
  type StatedInput,
} from "./typed-input-errors";

/** Types whose value is known without waiting. */
const IMMEDIATE: ReadonlySet<string> = new Set(["str", "msg", "env", "num", "bool", "json"]);
/** A context store may be a database, and JSONata may call asynchronous functions. */
const PROMISED: ReadonlySet<string> = new Set(["flow", "global", "jsonata"]);

export interface TypedInput {
  /** False if only `promise` can read it. */
  readonly immediate: boolean;
  /** Throws INPUT_NOWHERE or INPUT_FAILED. */
  read(msg: NodeMessage): unknown;
  /** Rejects with what `read` would throw. */
  promise(msg: NodeMessage): Promise<unknown>;
  /** What `read` gave, where something is needed. Throws INPUT_MISSING or INPUT_NOWHERE for null and undefined. */
  required(msg: NodeMessage, found: unknown): unknown;
  /** As `required`, where blank text is nothing either: that is INPUT_BLANK. */
  filled(msg: NodeMessage, found: unknown): unknown;
}

/**
 * Throws SETTING_CHOICE for a type that there is not, SETTING_BLANK, ENV_UNSET for a variable without a value and
 * INPUT_FAILED for a path, an expression or JSON that does not parse: all that can be known before a message comes.
 */
export function typedInput(
  RED: NodeAPI,
  node: Node,
  field: FieldName,
  value: string,
  type: string,
): TypedInput {
  if (!IMMEDIATE.has(type) && !PROMISED.has(type)) {
    const choices = [...IMMEDIATE, ...PROMISED].join(", ");
    throw new M1Error("SETTING_CHOICE", { field, value: type, choices });
  }
  // A flow file may hold anything.
  const input: StatedInput = { field, type, value: String(value) };
  const blank = blankInput(input);
  if (blank) throw blank;
  checkEnvironment(RED, node, field, value, type);
  if (type === "jsonata") return promised(RED, input, jsonata(RED, node, input));
  if (PROMISED.has(type)) {
    return promised(RED, input, (msg, done) =>
      RED.util.evaluateNodeProperty(value, type, node, msg, done),
    );
  }
  checkSyntax(RED, node, input);
  const evaluate = evaluation(RED, node, value, type);
  const read = (msg: NodeMessage): unknown => {
    try {
      return evaluate(msg);
    } catch (error) {
      throw failedInput(RED, input, error, msg);
    }
  };
  const promise = async (msg: NodeMessage): Promise<unknown> => read(msg);
  return { immediate: true, read, promise, ...requirements(RED, input) };
}

/** Of what needs no message to be read, or to be found wrong. */
function checkSyntax(RED: NodeAPI, node: Node, input: StatedInput): void {
  const { type, value } = input;
  try {
    if (type === "msg") RED.util.normalisePropertyExpression(value);
    if (type === "json") RED.util.evaluateNodeProperty(value, type, node, {});
  } catch (error) {
    throw failedInput(RED, input, error);
  }
}

/** What is a name to Node-RED, and not a path that it has to follow. */
const NAME = /^(?!msg$)[A-Za-z_]\w*$/;

/** Fixed text and `msg.payload` are what nearly every message asks for: they need not be parsed each time. */
function evaluation(
  RED: NodeAPI,
  node: Node,
  value: string,
  type: string,
): (msg: NodeMessage) => unknown {
  if (type === "str") return () => value;
  if (type === "msg" && NAME.test(value)) {
    return (msg) => (msg as unknown as Record<string, unknown>)[value];
  }
  return (msg) => RED.util.evaluateNodeProperty(value, type, node, msg);
}

type Evaluation = (msg: NodeMessage, done: (error: Error | null, value: unknown) => void) => void;

function jsonata(RED: NodeAPI, node: Node, input: StatedInput): Evaluation {
  try {
    const expression = RED.util.prepareJSONataExpression(input.value, node);
    return (msg, done) => RED.util.evaluateJSONataExpression(expression, msg, done);
  } catch (error) {
    throw failedInput(RED, input, error);
  }
}

function requirements(RED: NodeAPI, input: StatedInput): Pick<TypedInput, "required" | "filled"> {
  const required = (msg: NodeMessage, found: unknown): unknown => {
    if (found === undefined || found === null) throw missingInput(RED, input, msg, found);
    return found;
  };
  return {
    required,
    filled(msg, found) {
      if (typeof found === "string" && found.trim() === "") throw blankResult(RED, input);
      return required(msg, found);
    },
  };
}

function promised(RED: NodeAPI, input: StatedInput, evaluate: Evaluation): TypedInput {
  return {
    immediate: false,
    ...requirements(RED, input),
    read() {
      throw new TypeError("this typed input can only be promised");
    },
    promise: (msg) =>
      new Promise((resolve, reject) => {
        const failed = (cause: unknown) => reject(failedInput(RED, input, cause));
        try {
          evaluate(msg, (error, found) => (error ? failed(error) : resolve(found)));
        } catch (error) {
          failed(error);
        }
      }),
  };
}

/** Node-RED makes an empty string of an unset variable, which would be a legal device id. */
function checkEnvironment(
  RED: NodeAPI,
  node: Node,
  field: FieldName,
  value: string,
  type: string,
): void {
  if (type !== "env" && type !== "jsonata") {
    const name = envReference(value, field);
    if (name !== undefined) throw new M1Error("ENV_UNSET", { field, name });
  }
  if (type !== "env") return;
  const templates = [...value.matchAll(/\$\{([^}]+)\}/g)].map((match) => match[1] ?? "");
  for (const name of templates.length > 0 ? templates : [value]) {
    if (RED.util.getSetting(node, name) === undefined) {
      throw new M1Error("ENV_UNSET", { field, name });
    }
  }
}
