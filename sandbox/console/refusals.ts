// What was refused and why: what recurs is told once, with how often it did.
import type { RefusalRow } from "../http/console-messages";
import { byId, count, element, replaceRows, timeOf } from "./page";

const MOST_ROWS = 30;

export class Refusals {
  readonly #list = byId("refusal-list", HTMLElement);
  readonly #note = byId("refusals-note", HTMLElement);
  /** The latest last. */
  readonly #groups = new Map<string, { readonly row: RefusalRow; readonly times: number }>();

  reset(rows: readonly RefusalRow[]): void {
    this.#groups.clear();
    this.#show(rows);
  }

  add(rows: readonly RefusalRow[]): void {
    if (rows.length > 0) this.#show(rows);
  }

  #show(rows: readonly RefusalRow[]): void {
    for (const row of rows) {
      const key = keyOf(row);
      const times = (this.#groups.get(key)?.times ?? 0) + 1;
      this.#groups.delete(key);
      this.#groups.set(key, { row, times });
    }
    for (const key of [...this.#groups.keys()].slice(0, -MOST_ROWS)) this.#groups.delete(key);
    const groups = [...this.#groups.values()].reverse();
    replaceRows(
      this.#list,
      groups.map(({ row, times }) => itemOf(row, times)),
    );
    this.#note.textContent = groups.length === 0 ? "Nothing was refused." : "";
  }
}

function keyOf({ who, what, reason }: RefusalRow): string {
  return JSON.stringify([who, what, reason]);
}

function itemOf(row: RefusalRow, times: number): HTMLElement {
  const { at, who, what, code, reason, rule, source } = row;
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
  item.dataset.key = keyOf(row);
  return item;
}
