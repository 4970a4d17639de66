// The last message of the node whose dialog is open, as the runtime tells it.
import type { LastMessageReport, TypedValue } from "../runtime/last-message";
import { askJson } from "./ask";
import type { EditedNode } from "./red";

/** What an input would give for the last message; undefined if nobody knows. */
export interface Known {
  readonly value: unknown;
}

export class LastMessage {
  private constructor(private readonly report: LastMessageReport) {}

  /** Undefined if none has come, or nobody may know. */
  static async of(node: EditedNode): Promise<LastMessage | undefined> {
    const report = await askJson<Partial<LastMessageReport>>("last-message", { id: node.id });
    if (report?.at === undefined) return undefined;
    return new LastMessage(report as LastMessageReport);
  }

  /** `12:03:05`, as the browser writes it. */
  get time(): string {
    return new Date(this.report.at).toLocaleTimeString();
  }

  /** A property of the message is looked up; of anything else, the result is known as it is deployed. */
  result(
    property: keyof LastMessageReport["inputs"],
    { value, type }: TypedValue,
  ): Known | undefined {
    const { message, omitted, inputs, results } = this.report;
    if (type === "msg") {
      const [name = ""] = value.replace(/^msg\b\.?/, "").split(/[.[]/);
      return omitted.includes(name) ? undefined : { value: revived(propertyOf(message, value)) };
    }
    const deployed = inputs[property];
    const isDeployed = deployed.value === value && deployed.type === type;
    if (!isDeployed || !Object.hasOwn(results, property)) return undefined;
    return { value: revived(results[property]) };
  }
}

function propertyOf(message: object, path: string): unknown {
  try {
    return RED.utils.getMessageProperty(message, path);
  } catch (error) {
    // A path through nothing, or one that is being typed.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** JSON has made an object of a Buffer. */
function revived(value: unknown): unknown {
  const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
  return type === "Buffer" && Array.isArray(data) ? Uint8Array.from(data) : value;
}
