// The numbers that a page draws: of so many tags, those that came first, and how many others there are.
import { username } from "../../../nodes/protocol/credentials";
import { excerpt } from "../../../nodes/protocol/errors";
import type { StoredEvent } from "../../cloud/stored-event";
import { CHART_WINDOW } from "./chart-window";
import type { Point } from "./console-messages";
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
  readonly #tags = new Set<string>();
  readonly #left = new Set<string>();
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
    for (const [name, y] of this.#filter.chosen(numbersOf(event.eventData, MOST_NUMBERS))) {
      const tag = excerpt(name, LONGEST_SHOWN_NAME);
      if (!this.#hasChart(tag)) continue;
      const key = JSON.stringify([tag, source, slot]);
      if (this.#points.size >= limit && !this.#points.has(key)) continue;
      this.#points.set(key, { tag, source, x: (slot * SLOT) / 1000, y });
    }
  }

  /**
   * Of events that pass the filter, oldest first: what a page that was open all along would draw,
   * but no more than the last `limit` points.
   */
  past(events: readonly StoredEvent[], limit: number): Point[] {
    for (const event of events) this.add(event, Number.POSITIVE_INFINITY);
    const points = this.take();
    const latest = new Map<string, number>();
    for (const { tag, x } of points) latest.set(tag, Math.max(x, latest.get(tag) ?? x));
    const isDrawn = ({ tag, x }: Point) => x >= (latest.get(tag) ?? x) - CHART_WINDOW;
    return points.filter(isDrawn).slice(-limit);
  }

  /** The points since they were taken last. */
  take(): Point[] {
    const points = [...this.#points.values()];
    this.#points = new Map();
    return points;
  }

  #hasChart(tag: string): boolean {
    if (this.#tags.has(tag)) return true;
    if (this.#tags.size < MOST_CHARTS) this.#tags.add(tag);
    else if (this.#left.size < MOST_NUMBERS) this.#left.add(tag);
    return this.#tags.has(tag);
  }
}
