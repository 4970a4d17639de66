// The sandbox's file on disk: read at the start, and again whenever it changes.
import { readFile } from "node:fs/promises";
import { ConfigError, type Configuration } from "./configuration";

/** Milliseconds. Reading it now and then works with every editor and file system. */
const LOOK = 300;
/** Looks. A file that is being replaced is away for a moment. */
const LONG_AWAY = 7;

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
    } catch (error) {
      throw this.#unreadable(error as Error);
    }
    return await this.#parsed();
  }

  /**
   * Calls one of both for each change since it was read; the result ends that. Of a file that is
   * gone `failed` is told once. It gets a ConfigError, or what `changed` throws.
   */
  follow(
    changed: (configuration: Configuration) => void,
    failed: (error: Error) => void,
  ): () => void {
    const looks = this.#looks(changed);
    let timer: NodeJS.Timeout | undefined;
    const wait = () => {
      timer = setTimeout(async () => {
        await looks().catch(failed);
        if (timer) wait();
      }, LOOK);
    };
    wait();
    return () => {
      clearTimeout(timer);
      timer = undefined;
    };
  }

  /** Looks once each time it is called. */
  #looks(changed: (configuration: Configuration) => void): () => Promise<void> {
    let seen = this.#text;
    let away = 0;
    return async () => {
      try {
        const text = await readFile(this.#file, "utf8");
        away = 0;
        // One that is being written is another at the next look.
        const isWhole = text === seen;
        seen = text;
        if (!isWhole || text === this.#text) return;
      } catch (error) {
        away += 1;
        if (away === LONG_AWAY) throw this.#unreadable(error as Error);
        return;
      }
      this.#text = seen;
      changed(await this.#parsed());
    };
  }

  #unreadable(cause: Error): ConfigError {
    return new ConfigError(`${this.#file} cannot be read: ${cause.message}`, { cause });
  }

  async #parsed(): Promise<Configuration> {
    // Without a file there is nothing to check, and no need to load what checks it.
    const { parseConfig } = await import("./config.js");
    try {
      return parseConfig(this.#text);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      throw new ConfigError(`${this.#file}: ${error.message}`, { cause: error });
    }
  }
}
