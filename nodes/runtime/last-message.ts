// The message that came last to an `m1 event out`, for the preview in its dialog. It is in no file and no flow.
import type { NodeMessage } from "node-red";
import { toldJson } from "./told-value";

/** Characters of JSON: what is longer, a person cannot look through in a dialog. */
const MOST = 65_536;

/** A property of the message is looked up there; these times are no values. */
const WITHOUT_RESULT: ReadonlySet<string> = new Set(["msg", "arrival", "server"]);

type InputName = "deviceId" | "eventData" | "observedAt";

/** By the names of the node's properties. */
export type InputResults = Readonly<Record<InputName, unknown>>;

/** A typed input as it is set. */
export interface TypedValue {
  readonly value: string;
  readonly type: string;
}

export type TypedValues = Readonly<Record<InputName, TypedValue>>;

/** What the dialog gets. */
export interface LastMessageReport {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The properties that can be told, as long as there is room; what JSON would lose is marked (`restored`). */
  readonly message: Readonly<Record<string, unknown>>;
  /** Its other properties. */
  readonly omitted: readonly string[];
  /** The inputs as they are deployed. */
  readonly inputs: TypedValues;
  /** What they gave for it, told like the message; not of those that are a property of it, or nothing. */
  readonly results: Readonly<Record<string, unknown>>;
}

export class LastMessage {
  readonly #inputs: TypedValues;
  #message: NodeMessage | undefined;
  #results: InputResults | undefined;
  #at = 0;

  constructor(inputs: TypedValues) {
    this.#inputs = inputs;
  }

  came(message: NodeMessage, results: InputResults | undefined): void {
    this.#message = message;
    this.#results = results;
    this.#at = Date.now();
  }

  /** Undefined before the first one. */
  report(): LastMessageReport | undefined {
    if (!this.#message) return undefined;
    const room = { left: MOST };
    const inputs = this.#inputs;
    const found = Object.entries(this.#results ?? {}).filter(
      ([name]) => !WITHOUT_RESULT.has(inputs[name as InputName].type),
    );
    const results = shown(Object.fromEntries(found), room);
    const message = shown(this.#message, room);
    const omitted = Object.keys(this.#message).filter((key) => !Object.hasOwn(message, key));
    return { at: this.#at, message, omitted, inputs, results };
  }
}

/** What a node offers to the admin API. */
export interface ReportingNode {
  readonly lastMessage?: LastMessage;
}

/** Without what cannot be told, or finds no room. */
function shown(from: object, room: { left: number }): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(from)) {
    const json = toldJson(value);
    if (json === undefined || json.length > room.left) continue;
    room.left -= json.length;
    result[key] = JSON.parse(json);
  }
  return result;
}
