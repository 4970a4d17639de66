// Tells the editor how the outboxes are, for as long as somebody looks and not longer.
import type { OutboxReport } from "./outbox-answers";

export const EVERY_MS = 500;
/** For so many reports somebody looks who has asked, 15 seconds. Whoever goes on looking asks again. */
export const LOOKS_FOR = 30;

export class OutboxWatch {
  readonly #report: () => OutboxReport;
  readonly #publish: (report: OutboxReport) => void;
  #timer: NodeJS.Timeout | undefined;
  /** So many reports are to come. */
  #left = 0;
  #published = "";

  constructor(report: () => OutboxReport, publish: (report: OutboxReport) => void) {
    this.#report = report;
    this.#publish = publish;
  }

  /** Somebody looks, or still does. */
  look(): void {
    this.#left = LOOKS_FOR;
    this.#timer ??= setInterval(() => this.#tell(), EVERY_MS).unref();
  }

  #tell(): void {
    if (this.#left === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    this.#left -= 1;
    const report = this.#report();
    const text = JSON.stringify(report);
    if (text === this.#published) return;
    this.#published = text;
    this.#publish(report);
  }
}
