// The last message of the node whose dialog is open, as the runtime tells it.
import type { LastMessageReport } from "../runtime/last-message";
import { askJson } from "./ask";
import type { EditedNode } from "./red";

/** A typed input as the dialog has it. */
export interface Typed {
  readonly value: string;
  readonly type: string;
}

/** What an input would give for the last message; undefined if nobody knows. */
export interface Known {
  readonly value: unknown;
}

export class LastMessage {
  private constructor(
    private readonly report: LastMessageReport,
    private readonly deployed: Readonly<Record<string, Typed>>,
  ) {}

  /** Undefined if none has come, or nobody may know. */
  static async of(
    node: EditedNode,
    deployed: Readonly<Record<string, Typed>>,
  ): Promise<LastMessage | undefined> {
    const report = await askJson<Partial<LastMessageReport>>("last-message", { id: node.id });
    if (report?.at === undefined) return undefined;
    return new LastMessage(report as LastMessageReport, deployed);
  }

  /** `12:03:05`, as the browser writes it. */
  get time(): string {
    return new Date(this.report.at).toLocaleTimeString();
  }

  /** A property of the message is looked up; of anything else, the result is known as it is deployed. */
  result(property: string, { value, type }: Typed): Known | undefined {
    if (type === "msg") return { value: revived(propertyOf(this.report.message, value)) };
    const deployed = this.deployed[property];
    const isDeployed = deployed?.value === value && deployed.type === type;
    if (!isDeployed || !Object.hasOwn(this.report.results, property)) return undefined;
    return { value: revived(this.report.results[property]) };
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
