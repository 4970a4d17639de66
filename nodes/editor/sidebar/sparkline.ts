// How many events came and went in each of the last seconds: a small picture, and the numbers in words.
import { shared } from "../explain";
import { number } from "./amounts";
import { setAttribute, setText } from "./changes";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 24;

/** Room for half of the line. */
const MARGIN = 1;

type Series = readonly number[];

export class Sparkline {
  readonly element = $('<div class="m1-rate">');
  readonly #svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" });
  readonly #title = svg("title", {});
  readonly #in = line("m1-in");
  readonly #out = line("m1-out");
  readonly #inWords = $("<span>");
  readonly #outWords = $("<span>");

  constructor() {
    this.#svg.attr({ role: "img" }).append(this.#title, this.#in, this.#out);
    const legend = (kind: string, words: JQuery) =>
      $("<span>").append($(`<i class="m1-key ${kind}" aria-hidden="true">`), words);
    const legends = $('<div class="m1-legend">').append(
      legend("m1-in", this.#inWords),
      legend("m1-out", this.#outWords),
    );
    this.element.append(this.#svg, legends);
  }

  update(came: Series, went: Series): void {
    const most = Math.max(1, ...came, ...went);
    setAttribute(this.#in, "points", points(came, most));
    setAttribute(this.#out, "points", points(went, most));
    const details = { in: number(sum(came)), out: number(sum(went)), most: number(most) };
    setText(this.#title, shared("sidebar.rate.title", details));
    setText(this.#inWords, shared("sidebar.rate.in", { count: details.in }));
    setText(this.#outWords, shared("sidebar.rate.out", { count: details.out }));
  }
}

function sum(series: Series): number {
  return series.reduce((total, count) => total + count, 0);
}

/** From left to right, the most at the top. */
function points(series: Series, most: number): string {
  const step = WIDTH / Math.max(1, series.length - 1);
  const height = HEIGHT - 2 * MARGIN;
  const point = (count: number, index: number) => {
    const y = HEIGHT - MARGIN - (count / most) * height;
    return `${(index * step).toFixed(1)},${y.toFixed(1)}`;
  };
  return series.map(point).join(" ");
}

function line(kind: string): JQuery {
  return svg("polyline", { class: kind, "vector-effect": "non-scaling-stroke" });
}

function svg(name: string, attributes: Readonly<Record<string, string>>): JQuery {
  return $(document.createElementNS(SVG, name) as unknown as HTMLElement).attr(attributes);
}
