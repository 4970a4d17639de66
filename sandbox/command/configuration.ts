// What the sandbox's file comes to: what is in force, or what is wrong with it.
import type { Account } from "../cloud/accounts";
import type { Rule } from "../cloud/cloud";

/** Who may log in, and what runs for each event. */
export interface Configuration {
  readonly accounts: readonly Account[];
  readonly rules: readonly Rule[];
}

/** Says what is wrong, where, and what would be right. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}
