// One connection: what state it is in, what its outbox holds, and what waits and is in quarantine there.
import type { ConnectionReport } from "../../admin/outbox-answers";
import { setShown } from "./changes";
import { ConnectionHead } from "./connection-head";
import { connectionName } from "./connection-nodes";
import { OutboxFiguresView } from "./outbox-figures";
import { QuarantineSection } from "./quarantine-section";
import { WaitingSection } from "./waiting-section";

export class ConnectionCard {
  readonly element = $('<section class="m1-card">');
  #report: ConnectionReport;
  readonly #head: ConnectionHead;
  readonly #figures = new OutboxFiguresView();
  readonly #waiting: WaitingSection;
  readonly #quarantine: QuarantineSection;
  /** What there is of a connection whose settings can work. */
  readonly #outbox = $("<div>");

  constructor(report: ConnectionReport) {
    const { id } = report;
    this.#report = report;
    this.#head = new ConnectionHead(report);
    this.#waiting = new WaitingSection(id, () => this.name);
    this.#quarantine = new QuarantineSection(id, () => this.name);
    const { element } = this.#figures;
    this.#outbox.append(element, this.#waiting.element, this.#quarantine.element);
    this.element.attr("aria-labelledby", this.#head.nameId);
    this.element.append(this.#head.element, this.#outbox);
    this.update(report);
  }

  get name(): string {
    return connectionName(this.#report.id, this.#report.name);
  }

  update(report: ConnectionReport): void {
    this.#report = report;
    const { outbox } = report;
    this.#head.update(report);
    setShown(this.#outbox, outbox !== undefined);
    if (!outbox) return;
    this.#figures.update(outbox);
    this.#waiting.update(outbox.waiting);
    this.#quarantine.update(outbox.quarantined);
  }

  /** Time has passed, and nothing else is known. */
  tick(): void {
    const { outbox } = this.#report;
    this.#head.update(this.#report);
    if (outbox) this.#figures.update(outbox);
  }
}
