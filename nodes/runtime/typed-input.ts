// The value of a typed input for a message: read at once where Node-RED can, or promised.
import type { Node, NodeAPI, NodeMessage } from "node-red";
import { excerpt, type FieldName, M1Error } from "../protocol/errors";
import { envReference } from "./env-reference";
import { typedText } from "./typed-text";

/** Types whose value is known without waiting. */
const IMMEDIATE: ReadonlySet<string> = new Set(["str", "msg", "env", "num", "bool", "json"]);
/** A context store may be a database, and JSONata may call asynchronous functions. */
const PROMISED: ReadonlySet<string> = new Set(["flow", "global", "jsonata"]);

export interface TypedInput {
  /** Where the value comes from, as errors call it. */
  readonly source: string;
  /** False if only `promise` can read it. */
  readonly immediate: boolean;
  /** Throws INPUT_FAILED. */
  read(msg: NodeMessage): unknown;
  /** Rejects with INPUT_FAILED. */
  promise(msg: NodeMessage): Promise<unknown>;
}

/**
 * Throws SETTING_CHOICE for a type that there is not, ENV_UNSET for a variable without a value and
 * INPUT_FAILED for an expression that does not parse: all that can be known before a message comes.
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
  checkEnvironment(RED, node, field, value, type);
  const failed = (cause: unknown) =>
    new M1Error("INPUT_FAILED", { field, reason: reasonOf(cause) }, { cause });

  const source = excerpt(typedText(value, type));

  if (type === "jsonata") return { source, ...jsonata(RED, node, value, failed) };
  const evaluate = evaluation(RED, node, value, type);
  const read = (msg: NodeMessage): unknown => {
    try {
      return evaluate(msg);
    } catch (error) {
      throw failed(error);
    }
  };
  if (IMMEDIATE.has(type)) {
    return { source, immediate: true, read, promise: async (msg) => read(msg) };
  }
  const evaluateLater: Evaluation = (msg, done) =>
    RED.util.evaluateNodeProperty(value, type, node, msg, done);
  return { source, ...promised(evaluateLater, failed) };
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

type Reading = Omit<TypedInput, "source">;
type Evaluation = (msg: NodeMessage, done: (error: Error | null, value: unknown) => void) => void;

function jsonata(
  RED: NodeAPI,
  node: Node,
  value: string,
  failed: (cause: unknown) => M1Error,
): Reading {
  try {
    const expression = RED.util.prepareJSONataExpression(value, node);
    return promised(
      (msg, done) => RED.util.evaluateJSONataExpression(expression, msg, done),
      failed,
    );
  } catch (error) {
    throw failed(error);
  }
}

function promised(evaluate: Evaluation, failed: (cause: unknown) => M1Error): Reading {
  return {
    immediate: false,
    read() {
      throw new TypeError("this typed input can only be promised");
    },
    promise: (msg) =>
      new Promise((resolve, reject) => {
        try {
          evaluate(msg, (error, value) => (error ? reject(failed(error)) : resolve(value)));
        } catch (error) {
          reject(failed(error));
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

/** JSONata throws objects that are no Error but have a message. */
function reasonOf(cause: unknown): string {
  const message = (cause as { message?: unknown } | undefined)?.message;
  return typeof message === "string" ? message : String(cause);
}
