// The events as they come in, and the messages as they go out; the latest on top.
import type { ActivityRow, EventRow, SentRow, Snapshot } from "../http/console/console-messages";
import { deviceName } from "./device";
import { tellFurtherDown } from "./further-down";
import { breakable, byId, count, element, timeOf } from "./page";

/** Rows on the page; older ones go. */
const MOST_ROWS = 150;

export class Activity {
  readonly #table = byId("activity-list", HTMLElement);
  readonly #rows = byId("activity-rows", HTMLElement);
  readonly #note = byId("activity-note", HTMLElement);
  #paused = false;
  /** In the pause; at least, if some of them were not told. */
  #missed = { count: 0, atLeast: false };
  /** When the latest was, shown or missed. */
  #latest = "";
  /** Said while there are no rows. */
  #none = "";

  constructor() {
    tellFurtherDown("activity", ["row", "rows"], this.#rows);
  }

  /** `none` is what to say while there are no rows. */
  reset(rows: readonly ActivityRow[], none: string): void {
    this.#none = none;
    this.#missed = { count: 0, atLeast: false };
    this.#latest = rows.at(-1)?.at ?? "";
    this.#rows.replaceChildren();
    this.#show(rows);
    this.#say();
  }

  /** Where there is one user, who it was goes without saying. */
  showUsers({ length }: readonly unknown[]): void {
    this.#table.classList.toggle("one-user", length <= 1);
  }

  /** `matching` of them happened, of which `rows` are the last few. */
  add(rows: readonly ActivityRow[], matching: number): void {
    if (matching === 0) return;
    this.#latest = rows.at(-1)?.at ?? this.#latest;
    if (this.#paused) {
      this.#missed.count += matching;
      this.#say();
      return;
    }
    this.#show(rows);
    const isSampled = matching > rows.length;
    this.#say(isSampled ? `Too fast to show all: ${rows.length} of ${count(matching)}` : "");
  }

  /** In a pause the connection was lost, and these are the last few that happened by now. */
  miss({ activity: rows, moreActivity }: Pick<Snapshot, "activity" | "moreActivity">): void {
    const missed = rows.filter(({ at }) => at > this.#latest);
    const isCut = moreActivity && missed.length === rows.length;
    const atLeast = this.#missed.atLeast || isCut;
    this.#missed = { count: this.#missed.count + missed.length, atLeast };
    this.#latest = rows.at(-1)?.at ?? this.#latest;
    this.#say();
  }

  /** What it held back is for the next reset to show. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.#say();
  }

  #show(rows: readonly ActivityRow[]): void {
    this.#rows.prepend(...rows.map(rowOf).reverse());
    while (this.#rows.childElementCount > MOST_ROWS) this.#rows.lastElementChild?.remove();
  }

  /** Of a pause, or that there is nothing; or else what is given. */
  #say(what = ""): void {
    const { count: number, atLeast } = this.#missed;
    const missed = number > 0 ? `; ${atLeast ? "at least " : ""}${count(number)} new` : "";
    const isEmpty = this.#rows.childElementCount === 0;
    this.#note.textContent = this.#paused ? `Paused${missed}` : isEmpty ? this.#none : what;
  }
}

function rowOf(row: ActivityRow): HTMLElement {
  const cells = row.kind === "event" ? eventCells(row) : sentCells(row);
  for (const cell of cells) cell.setAttribute("role", "cell");
  const made = element("div", { className: `row ${row.kind}` }, ...cells);
  made.setAttribute("role", "row");
  return made;
}

function eventCells(row: EventRow): HTMLElement[] {
  const { at, observedAt, deviceId, tags, moreTags, user, stream } = row;
  const shown = tags.map(([name, value, all = ""]) =>
    element(
      "span",
      { className: "tag" },
      `${name} `,
      element("b", { title: all }, ...breakable(value)),
    ),
  );
  if (moreTags > 0) shown.push(element("span", { className: "tag" }, `and ${moreTags} more`));
  if (observedAt !== undefined) {
    const observed = element("span", { className: "observed" }, "observed ", timeOf(observedAt));
    shown.push(observed);
  }
  return [
    element("span", { className: "time" }, timeOf(at)),
    element("span", { className: "device", title: deviceId }, deviceName(user, deviceId)),
    element("span", { className: "tags" }, ...shown),
    element("span", { className: "user", title: user }, user),
    element("span", { className: "stream", title: stream }, stream),
  ];
}

function sentCells({ at, topic, payload, retain, notRetained }: SentRow): HTMLElement[] {
  const { who, user, what } = partsOf(topic);
  const retention = retain ? "retained" : notRetained ? "not retained" : "";
  return [
    element("span", { className: "time" }, timeOf(at)),
    element(
      "span",
      { className: "device", title: who },
      topic.startsWith("1/") ? deviceName(user, who) : who,
    ),
    element(
      "span",
      { className: "tags", title: topic },
      element("code", {}, ...breakable(payload || "(empty: removes what is retained)")),
      ...(retention ? [element("span", { className: "retention" }, retention)] : []),
    ),
    element("span", { className: "user", title: user }, user),
    element("span", { className: "stream", title: topic }, what || "…"),
  ];
}

/** A topic that the cloud sends to, as the columns have it. */
function partsOf(topic: string): { who: string; user: string; what: string } {
  const [direction, project, second = "", third = "", ...rest] = topic.split("/");
  if (direction === "2")
    return { who: second, user: `${project}`, what: [third, ...rest].join("/") };
  return { who: third, user: `${project}/${second}`, what: rest.join("/") };
}
