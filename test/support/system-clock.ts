// A system clock that a test sets: Debian's libfaketime shows a process another time than the machine does.
import { rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Launch } from "./node-red";

export class SystemClock {
  readonly #file: string;

  /** In a folder of the test's own. */
  constructor(folder: string) {
    this.#file = path.join(folder, "clock");
  }

  /** For a process that sees this clock; its monotonic clock is the machine's. */
  get launch(): Launch {
    const wrapper = [
      "env",
      "TZ=UTC",
      // The dynamic linker puts its folder of libraries for $LIB.
      "LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1",
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      "FAKETIME_NO_CACHE=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1",
      "NO_FAKE_STAT=1",
    ];
    return { wrapper };
  }

  /** Each process begins at that time, such as `1970-01-01 00:00:10`, and goes on from there. */
  startsAt(time: string): Promise<void> {
    return this.#write(`@${time}`);
  }

  /** From now on it shows the machine's time. */
  hearTimeServer(): Promise<void> {
    return this.#write("+0");
  }

  /** At once: a process never reads half of it. */
  async #write(text: string): Promise<void> {
    await writeFile(`${this.#file}.new`, text);
    await rename(`${this.#file}.new`, this.#file);
  }
}
