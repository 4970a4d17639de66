// The sandbox's file on disk: read at the start, and again whenever it changes.
import { readFile } from "node:fs/promises";
import { ConfigError, type Configuration, parseConfig } from "./config";

/** Milliseconds. Reading it now and then works with every editor and file system. */
const LOOK = 300;

export class ConfigFile {
  readonly #file: string;
  /** What it held when it was read last, right or wrong. */
  #text = "";

  constructor(file: string) {
    this.#file = file;
  }

  /** Rejects with ConfigError, the file named in it. */
  async read(): Promise<Configuration> {
    try {
      this.#text = await readFile(this.#file, "utf8");
    } catch (cause) {
      const { message } = cause as Error;
      throw new ConfigError(`${this.#file} cannot be read: ${message}`, { cause });
    }
    return this.#parsed();
  }

  /** Calls one of both for each change since it was read; the result ends that. */
  follow(
    changed: (configuration: Configuration) => void,
    failed: (error: ConfigError) => void,
  ): () => void {
    const look = async () => {
      // A file that is being replaced is away for a moment.
      const text = await readFile(this.#file, "utf8").catch(() => this.#text);
      if (text === this.#text) return;
      this.#text = text;
      try {
        changed(this.#parsed());
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        failed(error);
      }
    };
    const timer = setInterval(() => void look(), LOOK);
    return () => clearInterval(timer);
  }

  #parsed(): Configuration {
    try {
      return parseConfig(this.#text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(`${this.#file}: ${error.message}`, { cause: error });
    }
  }
}
