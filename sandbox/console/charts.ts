// A chart for each tag that carries numbers, with a line for each device that sends it. Tags without
// recent numbers fold away below the others.
import uPlot from "uplot";
import { localTime } from "../command/local-time";
import { CHART_WINDOW } from "../http/console/chart-window";
import type { Batch, Point, Snapshot } from "../http/console/console-messages";
import { shortNumber } from "../http/console/short-number";
import { deviceName, partsOf } from "./device";
import { tellFurtherDown } from "./further-down";
import { andMore, byId, element, withoutJump } from "./page";
import { drawable, runs, Series, span } from "./series";

const MOST_LINES = 6;
/** In the style sheet, as `--line-1` and so on. */
const COLOURS = 6;
const HEIGHT = 136;
/** Characters beyond which a number leaves no room beside it for the name of its tag. */
const LONG_NUMBER = 12;
/** Seconds that a chart spans. */
const SPANS = { least: 10, most: CHART_WINDOW };
/** Steps of a chart's time axis, in seconds: none so small that two of them read alike. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300];
/** Milliseconds between two drawings of what is new. */
const REDRAW = 250;
/** Pixels of a line below which it is a dot. */
const DOT = 3;
/** Seconds after which a chart moves on by the clock alone. */
const STEP = 1;

export class Charts {
  readonly #list = byId("chart-list", HTMLElement);
  readonly #note = byId("charts-note", HTMLElement);
  readonly #quiet = byId("quiet", HTMLDetailsElement);
  readonly #quietList = byId("quiet-list", HTMLElement);
  readonly #quietNote = byId("quiet-note", HTMLElement);
  readonly #charts = new Map<string, Chart>();
  /** Said while there are no charts. */
  #none = "";
  #moreTags = 0;
  /** The time that a pause holds, by the sandbox's clock. */
  #held: number | undefined;
  /** Seconds from the page's clock, which no change of the time moves, to the sandbox's. */
  #ahead = 0;

  constructor() {
    setInterval(() => this.#draw(), REDRAW);
    tellFurtherDown("chart", ["chart", "charts"]);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#restyle());
    let width = 0;
    new ResizeObserver(() => {
      if (this.#list.clientWidth === width) return;
      width = this.#list.clientWidth;
      this.#restyle();
    }).observe(this.#list);
  }

  /** `none` is what to say while there are no charts. A pause begins anew with what is told here. */
  reset(snapshot: Pick<Snapshot, "at" | "points" | "moreTags">, none: string): void {
    this.#ahead = snapshot.at - performance.now() / 1000;
    this.#none = none;
    if (this.#held !== undefined) this.#held = snapshot.at;
    withoutJump(() => {
      this.#forget(this.#charts.keys());
      colours.clear();
      this.#show({ ...snapshot, gone: [] });
      this.#draw();
    });
  }

  add(batch: ChartNews): void {
    if (this.#held === undefined) this.#show(batch);
  }

  /** What comes while the charts are paused is for the next reset to show. */
  pause(paused: boolean): void {
    this.#held = paused ? this.#now() : undefined;
  }

  #show({ points, gone, moreTags }: ChartNews): void {
    this.#forget(gone);
    for (const point of points) this.#chartOf(point.tag).add(point);
    this.#moreTags = moreTags;
    this.#sort();
    this.#say();
  }

  #forget(tags: Iterable<string>): void {
    for (const tag of tags) {
      this.#charts.get(tag)?.remove();
      this.#charts.delete(tag);
    }
  }

  #now(): number {
    return this.#held ?? performance.now() / 1000 + this.#ahead;
  }

  #restyle(): void {
    for (const chart of this.#charts.values()) chart.restyle();
    this.#draw();
  }

  #chartOf(tag: string): Chart {
    const found = this.#charts.get(tag);
    if (found) return found;
    const chart = new Chart(tag, () => this.#now());
    this.#charts.set(tag, chart);
    return chart;
  }

  #draw(): void {
    if (document.hidden) return;
    this.#sort();
    for (const chart of this.#charts.values()) chart.draw();
  }

  /** Who is heard of again is put last, so that none of the others moves. */
  #sort(): void {
    const misplaced = [...this.#charts.values()].filter(({ card, isQuiet }) => {
      if (!card.parentElement) return true;
      const isFolded = card.parentElement === this.#quietList;
      if (isFolded === isQuiet || card.matches(":focus-within")) return false;
      return !isPointedAt(isFolded ? card : this.#list);
    });
    if (misplaced.length > 0) withoutJump(() => this.#place(misplaced));
    const { childElementCount: quiet } = this.#quietList;
    this.#quiet.hidden = quiet === 0;
    this.#quietNote.textContent = `${quiet} ${quiet === 1 ? "tag" : "tags"} without recent numbers`;
  }

  #place(charts: readonly Chart[]): void {
    for (const chart of charts) {
      (chart.isQuiet ? this.#quietList : this.#list).append(chart.card);
      chart.restyle();
    }
  }

  #say(): void {
    const shown = this.#charts.size;
    const more = andMore(shown, shown + this.#moreTags);
    this.#note.textContent = shown === 0 ? this.#none : more && `${more}; filter by their name`;
  }
}

type ChartNews = Pick<Batch, "points" | "gone" | "moreTags">;

/** By a mouse: after a tap, a touched place would be pointed at for long. */
function isPointedAt(place: HTMLElement): boolean {
  return place.matches(":hover") && matchMedia("(hover: hover)").matches;
}

/** A device has the same colour in every chart, as far as there are colours enough. */
const colours = new Map<string, number>();

/** The first from the device's own on that is not taken in its chart yet. */
function colourOf(source: string, taken: readonly string[]): string {
  const own = colours.get(source) ?? colours.size;
  colours.set(source, own);
  const names = Array.from(
    { length: COLOURS },
    (_, step) => `--line-${((own + step) % COLOURS) + 1}`,
  );
  return names.find((name) => !taken.includes(name)) ?? `--line-${(own % COLOURS) + 1}`;
}

interface Line {
  readonly colour: string;
  /** Its place in the legend. */
  readonly entry: HTMLElement;
  readonly value: HTMLElement;
  latest: number;
}

class Chart {
  readonly card: HTMLElement;
  readonly #series = new Series({ lines: MOST_LINES, window: CHART_WINDOW });
  readonly #lines = new Map<string, Line>();
  readonly #latest = element("output", { className: "latest" });
  readonly #legend = element("ul", { className: "legend" });
  readonly #place = element("div", { className: "plot" });
  readonly #title: HTMLElement;
  readonly #note = element("p", { className: "note" });
  #moreLines = false;
  #plot: uPlot | undefined;
  readonly #clock: () => number;
  #stale = true;
  /** By the clock. */
  #drawnAt = 0;

  /** `clock` tells the seconds since 1970, for all charts alike. */
  constructor(tag: string, clock: () => number) {
    this.#clock = clock;
    this.#title = element("h3", { title: tag }, tag);
    const parts = [this.#title, this.#latest, this.#place, this.#legend, this.#note];
    this.card = element("article", { className: "card" }, ...parts);
    this.card.dataset.tag = tag;
  }

  /** Whether it has no number in the time that the others show. */
  get isQuiet(): boolean {
    return this.#latestAt < this.#clock() - CHART_WINDOW;
  }

  get #latestAt(): number {
    return this.#series.table[0].at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  add(point: Point): void {
    const { source, y } = point;
    if (!this.#series.hasRoomFor(source)) this.#moreLines = true;
    if (!this.#series.add({ ...point, y: drawable(y) })) return;
    const line = this.#lines.get(source);
    if (line) line.latest = y;
    else this.#introduce(source, y);
    this.#stale = true;
  }

  draw(): void {
    const now = this.#clock();
    const isDue = this.#stale || now - this.#drawnAt >= STEP;
    if (!isDue || !this.#isVisible()) return;
    this.#stale = false;
    this.#drawnAt = now;
    this.#tellLatest();
    const { table } = this.#series;
    if (this.#plot) this.#plot.setData(table);
    else this.#plot = new uPlot(this.#options(), table, this.#place);
  }

  /** Colours and widths are read anew. Its words are there at once, as they take room. */
  restyle(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#stale = true;
    this.#tellLatest();
  }

  remove(): void {
    this.#plot?.destroy();
    this.card.remove();
  }

  #tellLatest(): void {
    const lines = [...this.#lines.values()];
    for (const { latest, value } of lines) value.textContent = String(shortNumber(latest));
    // Of several devices, the legend tells each one's.
    const latest = lines.length === 1 ? (lines[0]?.value.textContent ?? "") : "";
    this.#latest.textContent = latest;
    this.#latest.classList.toggle("long", latest.length > LONG_NUMBER);
    const more = this.#moreLines ? ["More devices are not drawn."] : [];
    const quiet = this.isQuiet ? [`The last number came at ${clockTime(this.#latestAt)}.`] : [];
    this.#note.textContent = [...more, ...quiet].join(" ");
  }

  #isVisible(): boolean {
    const { top, bottom } = this.card.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  /** A line that is new has its place in the legend, and the chart is made anew with it. */
  #introduce(source: string, latest: number): void {
    const value = element("b");
    const entry = element("li", { title: source }, deviceName(...partsOf(source)), " ", value);
    const colour = colourOf(
      source,
      [...this.#lines.values()].map((line) => line.colour),
    );
    entry.style.setProperty("--colour", `var(${colour})`);
    this.#lines.set(source, { colour, entry, value, latest });
    this.#legend.append(entry);
    this.restyle();
  }

  /** Now, or of what has been quiet its last time: nothing of it would be seen. */
  #end(): number {
    return this.isQuiet ? this.#latestAt : this.#clock();
  }

  #options(): uPlot.Options {
    const axis: uPlot.Axis = {
      stroke: getComputedStyle(this.#title).color,
      font: "11px system-ui, sans-serif",
      grid: { stroke: getComputedStyle(this.card).borderTopColor, width: 1 },
      ticks: { show: false },
    };
    const colours = [...this.#lines.values()].map(
      ({ entry }) => getComputedStyle(entry, "::before").backgroundColor,
    );
    const lines = colours.map((colour) => ({
      stroke: colour,
      width: 1.75,
      gaps: gapsOf,
      points: { size: 5, fill: colour, filter: dotsOf },
    }));
    return {
      width: Math.max(this.#place.clientWidth, 160),
      height: HEIGHT,
      // Half of the last time's label stands to the right of its tick.
      padding: [8, 28, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 } },
      axes: [
        {
          ...axis,
          size: 28,
          // Clear of the lowest number of the other axis.
          gap: 10,
          space: 64,
          incrs: TIME_STEPS,
          values: (_plot, times) => times.map(clockTime),
        },
        { ...axis, size: widthOf, space: 34, values: (_plot, numbers) => numbers.map(axisNumber) },
      ],
      scales: { x: { range: ({ data: [times = []] }) => span(times, this.#end(), SPANS) } },
      series: [{}, ...lines],
    };
  }
}

/** Where a line ends and begins again, in the canvas's pixels. */
function gapsOf(plot: uPlot, line: number): [from: number, to: number][] {
  const [times = []] = plot.data;
  const pixel = (at = 0) => Math.round(plot.valToPos(times[at] ?? 0, "x", true));
  const parts = runs(times, plot.data[line] ?? []);
  return parts.slice(1).map(([first], at) => [pixel(parts[at]?.[1]), pixel(first)]);
}

/** What is too short to be seen as a line, unless there is room to draw every number as a dot. */
function dotsOf(plot: uPlot, line: number, areAllShown: boolean): number[] | null {
  if (areAllShown) return null;
  const [times = []] = plot.data;
  const pixel = (at: number) => plot.valToPos(times[at] ?? 0, "x");
  const parts = runs(times, plot.data[line] ?? []);
  return parts.filter(([first, last]) => pixel(last) - pixel(first) < DOT).map(([, last]) => last);
}

/** Pixels, so that the longest number of an axis is not cut. */
function widthOf(_plot: uPlot, numbers: readonly string[] | null): number {
  const longest = Math.max(0, ...(numbers ?? []).map(({ length }) => length));
  return Math.min(Math.max(44, 10 + 7 * longest), 130);
}

/** From here on, a number with all its zeros would be cut. */
const MANY_ZEROS = 1e12;
const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 20 });

function axisNumber(number: number): string {
  return Math.abs(number) < MANY_ZEROS ? numbers.format(number) : number.toExponential();
}

/** Local time to the second: `14:03:07`. */
function clockTime(seconds: number): string {
  return localTime(new Date(seconds * 1000)).slice(0, 8);
}
