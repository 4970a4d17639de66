// The middle of a card: how much waits, how full the outbox is, and how much comes and goes.
import type { OutboxFigures } from "../../admin/outbox-answers";
import { shared } from "../explain";
import { number, size } from "./amounts";
import { setAttribute, setShown, setText } from "./changes";
import { note } from "./event-items";
import { Sparkline } from "./sparkline";
import { ago } from "./times";

/** Percent of the bar that is seen where there is anything at all. */
const LEAST = 1;

export class OutboxFiguresView {
  readonly element = $('<div class="m1-outbox">');
  readonly #waiting = $("<dd>");
  readonly #inFlight = $("<dd>");
  readonly #quarantined = $("<dd>");
  readonly #meter = $('<div class="m1-meter" role="meter" aria-valuemin="0">');
  readonly #level = $("<div>").appendTo(this.#meter);
  readonly #details = $('<p class="m1-tip">');
  readonly #full = note("m1-warning", "fa-warning", shared("sidebar.full"));
  readonly #rate = new Sparkline();

  constructor() {
    const figures = $('<dl class="m1-figures">').append(
      figure(shared("sidebar.waiting"), this.#waiting),
      figure(shared("sidebar.inFlight"), this.#inFlight),
      figure(shared("sidebar.quarantined"), this.#quarantined),
    );
    this.#meter.attr("aria-label", shared("sidebar.level"));
    const { element } = this.#rate;
    this.element.append(figures, this.#meter, this.#full, this.#details, element);
  }

  update(figures: OutboxFigures): void {
    const { waiting, inFlight, quarantined, isFull, limit } = figures;
    setText(this.#waiting, number(waiting));
    setText(this.#inFlight, number(inFlight));
    setText(this.#quarantined, number(quarantined));
    this.#quarantined.toggleClass("m1-attention", quarantined > 0);
    const level = Math.min(100, Math.max(LEAST, (100 * waiting) / limit));
    const width = isFull ? 100 : level;
    setAttribute(this.#level, "style", `width: ${waiting > 0 ? width.toFixed(1) : 0}%`);
    setAttribute(this.#meter, "aria-valuenow", String(waiting));
    setAttribute(this.#meter, "aria-valuemax", String(limit));
    setShown(this.#full, isFull);
    this.#meter.toggleClass("m1-full", isFull);
    setText(this.#details, detailsOf(figures));
    this.#rate.update(figures.in, figures.out);
  }
}

function figure(words: string, value: JQuery): JQuery {
  return $("<div>").append($("<dt>").text(words), value);
}

function detailsOf({ kind, waiting, bytes, oldest, limit }: OutboxFigures): string {
  const place = shared(`sidebar.kept.${kind}`, { limit: number(limit) });
  if (waiting === 0) return place;
  const age = oldest === undefined ? [] : [shared("sidebar.oldest", { ago: ago(oldest) })];
  return [size(bytes), ...age, place].map(unbroken).join(" · ");
}

/** A line ends between two of them. */
function unbroken(words: string): string {
  return words.replaceAll(" ", "\u00a0");
}
