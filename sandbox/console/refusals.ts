// What was refused and why: what recurs is told once, with how often it did.
import type { RefusalRow } from "../http/console/console-messages";
import { kindOf, Recurring } from "../http/console/recurring";
import { byId, count, element, replaceRows, timeOf } from "./page";

const MOST_ROWS = 30;

export class Refusals {
  readonly #list = byId("refusal-list", HTMLElement);
  readonly #note = byId("refusals-note", HTMLElement);
  readonly #recurring = new Recurring(MOST_ROWS);

  reset(rows: readonly RefusalRow[]): void {
    this.#recurring.clear();
    this.#show(rows);
  }

  add(rows: readonly RefusalRow[]): void {
    if (rows.length > 0) this.#show(rows);
  }

  #show(rows: readonly RefusalRow[]): void {
    for (const row of rows) this.#recurring.add(row);
    const shown = this.#recurring.rows.reverse();
    replaceRows(this.#list, shown.map(itemOf));
    this.#note.textContent = shown.length === 0 ? "Nothing was refused." : "";
  }
}

function itemOf(row: RefusalRow): HTMLElement {
  const { at, times, who, what, code, reason, rule, source } = row;
  const place = element("span", { className: "place" }, who, " · ", what);
  const often = times > 1 ? [element("span", { className: "times" }, `${count(times)} times`)] : [];
  const written = source
    ? [" ", element("a", { href: source, target: "_blank", rel: "noreferrer" }, "Where it says so")]
    : [];
  const item = element(
    "li",
    {},
    element("p", { className: "meta" }, timeOf(at), " ", place, " ", ...often),
    element("p", { className: "reason", title: code }, reason),
    element("p", { className: "rule" }, "Rule: ", rule, ".", ...written),
  );
  item.dataset.key = kindOf(row);
  return item;
}
