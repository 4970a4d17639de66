// The numbers behind a chart: a column of times, and one of values for each line.
import type { Point } from "../http/console/console-messages";

/** x, then a column for each line; null where a line has no value at a time. */
export type Table = [times: number[], ...lines: (number | null)[][]];

export interface SeriesBounds {
  readonly lines: number;
  /** Seconds; what is older than that before the latest is forgotten. */
  readonly window: number;
}

export class Series {
  readonly #bounds: SeriesBounds;
  readonly #sources: string[] = [];
  readonly #table: Table = [[]];

  constructor(bounds: SeriesBounds) {
    this.#bounds = bounds;
  }

  /** Of the lines, in the order of their columns. */
  get sources(): readonly string[] {
    return this.#sources;
  }

  /** The same table at all times. */
  get table(): Table {
    return this.#table;
  }

  /** Whether there is a line of this source, or could be. */
  hasRoomFor(source: string): boolean {
    return this.#sources.includes(source) || this.#sources.length < this.#bounds.lines;
  }

  /** False for a point of a line too many, or of a time that is past: no line begins with it. */
  add({ source, x, y }: Point): boolean {
    const row = this.hasRoomFor(source) ? this.#rowOf(x) : undefined;
    if (row === undefined) return false;
    this.#columnOf(source)[row] = y;
    this.#forget(x - this.#bounds.window);
    return true;
  }

  #columnOf(source: string): (number | null)[] {
    const [times, ...lines] = this.#table;
    const known = lines[this.#sources.indexOf(source)];
    if (known) return known;
    const column = times.map(() => null);
    this.#sources.push(source);
    this.#table.push(column);
    return column;
  }

  /** The row of a time, added if it is the latest; undefined for one that is past. */
  #rowOf(x: number): number | undefined {
    const [times, ...lines] = this.#table;
    const latest = times.at(-1);
    if (latest === undefined || x > latest) {
      for (const line of lines) line.push(null);
      return times.push(x) - 1;
    }
    const row = times.lastIndexOf(x);
    return row < 0 ? undefined : row;
  }

  #forget(before: number): void {
    const kept = this.#table[0].findIndex((time) => time >= before);
    if (kept > 0) for (const column of this.#table) column.splice(0, kept);
  }
}

/** Beyond it, the span of two numbers and their margins would be none. */
const FARTHEST = 1e307;

/** The number itself, as far from zero as a chart can draw. */
export function drawable(y: number): number {
  return Math.max(-FARTHEST, Math.min(y, FARTHEST));
}

/**
 * From the first time on, but for so many seconds at the least and at the most. To now, not to the
 * last time: whoever has fallen silent does not look alive. A time ahead of the clock is shown, too.
 */
export function span(
  times: ArrayLike<number>,
  now: number,
  seconds: { readonly least: number; readonly most: number },
): [from: number, to: number] {
  const to = Math.max(now, times[times.length - 1] ?? now);
  return [Math.max(Math.min(times[0] ?? to, to - seconds.least), to - seconds.most), to];
}

/** How long a pause is that ends a run: so many times the line's usual one, and so many seconds at the least. */
const BREAK = { times: 5, seconds: 10 };

/** Where values follow each other without a long pause: the places of the first and the last of each run. */
export type Runs = readonly (readonly [first: number, last: number])[];

export function runs(times: ArrayLike<number>, values: ArrayLike<number | null | undefined>): Runs {
  const places = Array.from(values, (value, at) => (value == null ? -1 : at)).filter(
    (place) => place >= 0,
  );
  const timeAt = (place = 0) => times[place] ?? Number.NaN;
  const pauses = places.slice(1).map((place, at) => timeAt(place) - timeAt(places[at]));
  const usual = Float64Array.from(pauses).sort()[(pauses.length - 1) >> 1] ?? 0;
  const longest = Math.max(BREAK.times * usual, BREAK.seconds);
  const ends = places.filter((_, at) => at === pauses.length || (pauses[at] ?? 0) > longest);
  const starts = places.filter((_, at) => at === 0 || (pauses[at - 1] ?? 0) > longest);
  return starts.map((start, at) => [start, ends[at] ?? start]);
}
