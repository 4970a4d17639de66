// What is wrong with the sandbox's file.

/** Says what is wrong, where, and what would be right. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}
