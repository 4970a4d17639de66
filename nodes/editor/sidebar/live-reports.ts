// The reports about all outboxes, for as long as somebody looks: asked for now and then, and sent in between.
import type { OutboxReport } from "../../admin/outbox-answers";
import { look, NoAnswer } from "./requests";

const TOPIC = "m1-outbox";

/** Milliseconds. The runtime falls silent when it has not been asked for 15 s. */
const ASK_AGAIN = 5_000;

export class LiveReports {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the present look; what an earlier one asked for comes too late. */
  #look: object | undefined;

  constructor(private readonly shown: (report: OutboxReport | NoAnswer) => void) {}

  start(): void {
    if (this.#look) return;
    const mine = {};
    this.#look = mine;
    RED.comms.subscribe(TOPIC, this.#told);
    void this.#ask(mine);
  }

  stop(): void {
    this.#look = undefined;
    RED.comms.unsubscribe(TOPIC, this.#told);
    clearTimeout(this.#timer);
  }

  readonly #told = (_topic: string, report: OutboxReport) => this.shown(report);

  async #ask(mine: object): Promise<void> {
    const report = await look<OutboxReport>("outbox");
    if (this.#look !== mine) return;
    // Nothing is asked for again and again that is not allowed.
    if (!(report instanceof NoAnswer && report.isForbidden)) {
      this.#timer = setTimeout(() => void this.#ask(mine), ASK_AGAIN);
    }
    this.shown(report);
  }
}
