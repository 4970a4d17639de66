// The last message of the node whose dialog is open, as the runtime tells it.
import type { LastMessageReport, TypedValue } from "../runtime/last-message";
import { restored } from "../runtime/told-value";
import { askJson } from "./ask";
import type { EditedNode } from "./red";

type Property = keyof LastMessageReport["inputs"];

/** What an input would give for the last message. */
export interface Known {
  readonly value: unknown;
}

export class LastMessage {
  private readonly message: object;
  private readonly results: Readonly<Record<string, unknown>>;

  private constructor(private readonly report: LastMessageReport) {
    this.message = restored(report.message) as object;
    this.results = restored(report.results) as Record<string, unknown>;
  }

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

  /**
   * A property of the message is looked up; of anything else, the result is known as it is deployed. Undefined if it is
   * not known.
   */
  result(property: Property, input: TypedValue): Known | undefined {
    if (this.isUntold(property, input)) return undefined;
    if (input.type === "msg") return { value: propertyOf(this.message, input.value) };
    return this.isDeployed(property, input) ? { value: this.results[property] } : undefined;
  }

  /** Whether there was something for this input, or a failure, that the runtime could not tell. */
  isUntold(property: Property, input: TypedValue): boolean {
    if (input.type !== "msg") {
      return this.isDeployed(property, input) && !Object.hasOwn(this.results, property);
    }
    const [name = ""] = input.value.replace(/^msg\b\.?/, "").split(/[.[]/);
    return this.report.omitted.includes(name);
  }

  private isDeployed(property: Property, { value, type }: TypedValue): boolean {
    const deployed = this.report.inputs[property];
    return deployed.value === value && deployed.type === type;
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
