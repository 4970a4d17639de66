// The numbers that a page draws: of so many tags, those that came first and are still heard of, and how
// many others there are.
import { username } from "../../../nodes/protocol/credentials";
import { excerpt } from "../../../nodes/protocol/errors";
import type { StoredEvent } from "../../cloud/stored-event";
import { CHART_WINDOW } from "./chart-window";
import type { Batch, Point } from "./console-messages";
import type { Filter } from "./filter";
import { numbersOf } from "./numbers";
import { LONGEST_SHOWN_NAME } from "./rows";

/** Milliseconds: the last number of each tag and device in so long stands for all of them. */
export const SLOT = 200;
const MOST_CHARTS = 12;
/** Looked at in one event, and left out in all. */
const MOST_NUMBERS = 1000;

export class Charted {
  readonly #filter: Filter;
  /** Those that have a chart, with the time of their latest number. */
  readonly #tags = new Map<string, number>();
  readonly #left = new Set<string>();
  /** Since they were taken last. */
  #gone: string[] = [];
  #points = new Map<string, Point>();

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  /** Tags that carry numbers and have no chart; no more than a thousand are counted. */
  get moreTags(): number {
    return this.#left.size;
  }

  /** Of an event that passes the filter; no more than `limit` points are kept until they are taken. */
  add(event: StoredEvent, limit: number): void {
    const source = `${username(event)}/${excerpt(event.deviceId, LONGEST_SHOWN_NAME)}`;
    const slot = Math.floor(Date.parse(event.receivedAt) / SLOT);
    const x = (slot * SLOT) / 1000;
    for (const [name, y] of this.#filter.chosen(numbersOf(event.eventData, MOST_NUMBERS))) {
      const tag = excerpt(name, LONGEST_SHOWN_NAME);
      if (!this.#hasChart(tag, x)) continue;
      const key = JSON.stringify([tag, source, slot]);
      if (this.#points.size >= limit && !this.#points.has(key)) continue;
      this.#points.set(key, { tag, source, x, y });
    }
  }

  /**
   * Of events that pass the filter, oldest first: what a page that was open all along would draw,
   * but no more than the last `limit` points.
   */
  past(events: readonly StoredEvent[], limit: number): Point[] {
    for (const event of events) this.add(event, Number.POSITIVE_INFINITY);
    const { points } = this.take();
    const isDrawn = ({ tag, x }: Point) => x >= (this.#tags.get(tag) ?? x) - CHART_WINDOW;
    return points.filter(isDrawn).slice(-limit);
  }

  /** What there is since it was taken last. */
  take(): Pick<Batch, "points" | "gone" | "moreTags"> {
    const points = [...this.#points.values()].filter(({ tag }) => this.#tags.has(tag));
    const gone = this.#gone;
    this.#points = new Map();
    this.#gone = [];
    return { points, gone, moreTags: this.moreTags };
  }

  /** Whether a number of that time is drawn. */
  #hasChart(tag: string, x: number): boolean {
    const latest = this.#tags.get(tag);
    if (latest === undefined && !this.#makeRoom(x)) {
      this.#leave(tag);
      return false;
    }
    this.#left.delete(tag);
    this.#tags.set(tag, Math.max(x, latest ?? x));
    return true;
  }

  /** A tag of which nothing has come for as long as a chart shows gives its place to one that lives. */
  #makeRoom(now: number): boolean {
    if (this.#tags.size < MOST_CHARTS) return true;
    const [longest] = [...this.#tags].sort(([, one], [, other]) => one - other);
    if (!longest || longest[1] >= now - CHART_WINDOW) return false;
    const [tag] = longest;
    this.#tags.delete(tag);
    this.#gone.push(tag);
    this.#leave(tag);
    return true;
  }

  #leave(tag: string): void {
    if (this.#left.size < MOST_NUMBERS) this.#left.add(tag);
  }
}
