// What was refused and why: what recurs is told once, with how often it did.
import type { RefusalPlace, RefusalRow } from "../http/console/console-messages";
import { kindOf, Recurring } from "../http/console/recurring";
import { byId, count, element, replaceRows, timeOf } from "./page";

const BOUNDS = { kinds: 30, places: 100 };

export class Refusals {
  readonly #list = byId("refusal-list", HTMLElement);
  readonly #note = byId("refusals-note", HTMLElement);
  readonly #recurring = new Recurring(BOUNDS);

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
    const open = this.#openKinds();
    replaceRows(
      this.#list,
      shown.map((row) => itemOf(row, open.has(kindOf(row)))),
    );
    this.#note.textContent = shown.length === 0 ? "Nothing was refused." : "";
  }

  #openKinds(): ReadonlySet<string | undefined> {
    const open = this.#list.querySelectorAll<HTMLElement>(":scope > :has(details[open])");
    return new Set([...open].map(({ dataset }) => dataset.key));
  }
}

function itemOf(row: RefusalRow, isOpen: boolean): HTMLElement {
  const { times, places, code, rule, source } = row;
  const [latest, ...others] = [...places].reverse();
  if (!latest) throw new RangeError("A refusal has a place");
  const written = source
    ? [" ", element("a", { href: source, target: "_blank", rel: "noreferrer" }, "Where it says so")]
    : [];
  const all = others.length > 0 ? [placesOf(row, [latest, ...others], isOpen)] : [];
  const item = element(
    "li",
    {},
    placeOf({ ...latest, times: 1 }),
    element("p", { title: code }, latest.reason, ...often(times)),
    element("p", { className: "meta" }, "Rule: ", rule, ".", ...written),
    ...all,
  );
  item.dataset.key = kindOf(row);
  return item;
}

/** When, who and where, and how often if it was more than once. */
function placeOf({ at, who, what, times }: RefusalPlace): HTMLElement {
  return element("p", { className: "meta" }, timeOf(at), ` ${who} · ${what}`, ...often(times));
}

function often(times: number): (Node | string)[] {
  return times > 1 ? [" ", element("b", { className: "times" }, `× ${count(times)}`)] : [];
}

/** All of them in a fold, the latest first, with its reason where that is not the latest's. */
function placesOf(
  { morePlaces }: RefusalRow,
  places: readonly RefusalPlace[],
  isOpen: boolean,
): HTMLElement {
  const items = places.map((place) => {
    const isSame = place.reason === places[0]?.reason;
    return element("li", {}, placeOf(place), ...(isSame ? [] : [element("p", {}, place.reason)]));
  });
  const total = `${morePlaces ? "At least " : ""}${count(places.length)} places`;
  const list = element("ul", {}, ...items);
  return element("details", { open: isOpen }, element("summary", {}, total), list);
}
