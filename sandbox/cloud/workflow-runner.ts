// The workflows that are in force: run for each event that is stored, each with a memory of its own.
import { DEVICES_WEIGHT } from "../bounds";
import { SandboxError } from "../sandbox-error";
import type { Cloud, Memory, Rule } from "./cloud";
import { Recent } from "./recent";
import type { StoredEvent } from "./stored-event";

export interface WorkflowRunnerOptions {
  /** Devices that each rule remembers. */
  readonly devices: number;
  /** What a rule sends with, in the name of the event's user. */
  readonly cloudOf: (event: StoredEvent) => Cloud;
  /** A rule begins to forget devices. */
  readonly forgetting: () => void;
  readonly failed: (error: Error) => void;
}

export class WorkflowRunner {
  readonly #options: WorkflowRunnerOptions;
  #rules: readonly { readonly rule: Rule; readonly memory: Memory }[] = [];

  constructor(options: WorkflowRunnerOptions) {
    this.#options = options;
  }

  /** In place of those before, and with nothing remembered. */
  replace(rules: readonly Rule[]): void {
    this.#rules = rules.map((rule) => ({ rule, memory: this.#memory() }));
  }

  run(event: StoredEvent): void {
    for (const { rule, memory } of this.#rules) void this.#runOne(rule, memory, event);
  }

  async #runOne(rule: Rule, memory: Memory, event: StoredEvent): Promise<void> {
    const { cloudOf, failed } = this.#options;
    try {
      await rule(event, cloudOf(event), memory);
    } catch (error) {
      // A rule may outlive the sandbox by a message.
      if (error instanceof SandboxError && error.code === "NOT_RUNNING") return;
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #memory(): Memory {
    const { devices, forgetting } = this.#options;
    let isFull = false;
    return new Recent<unknown>({
      items: devices,
      characters: DEVICES_WEIGHT,
      forgotten: () => {
        if (!isFull) forgetting();
        isFull = true;
      },
    });
  }
}
