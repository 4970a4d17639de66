// Refusals as they recur: those that broke the same rule in the same way are one row, which tells how often
// it was broken, by whom and where.
import type { RefusalPlace, RefusalRow } from "./console-messages";

/** How much is kept; of more, what is longest ago goes. */
export interface RecurringBounds {
  readonly kinds: number;
  /** Of a kind. */
  readonly places: number;
}

interface Kind {
  readonly row: RefusalRow;
  readonly places: Map<string, RefusalPlace>;
}

/** Rows of so many kinds, the latest last. */
export class Recurring {
  readonly #bounds: RecurringBounds;
  readonly #kinds = new Map<string, Kind>();

  constructor(bounds: RecurringBounds) {
    this.#bounds = bounds;
  }

  static of(bounds: RecurringBounds, rows: readonly RefusalRow[]): Recurring {
    const recurring = new Recurring(bounds);
    for (const row of rows) recurring.add(row);
    return recurring;
  }

  get rows(): RefusalRow[] {
    return [...this.#kinds.values()].map(({ row, places }) => ({
      ...row,
      places: [...places.values()],
    }));
  }

  add(row: RefusalRow): void {
    const kind = kindOf(row);
    const known = this.#kinds.get(kind);
    const places = known?.places ?? new Map<string, RefusalPlace>();
    let isCut = row.morePlaces ?? known?.row.morePlaces;
    for (const place of row.places) {
      const { who, what, reason } = place;
      const key = JSON.stringify([who, what, reason]);
      const times = place.times + (places.get(key)?.times ?? 0);
      if (putLast(places, key, { ...place, times }, this.#bounds.places)) isCut = true;
    }
    const times = row.times + (known?.row.times ?? 0);
    const next = { ...row, times, ...(isCut && { morePlaces: isCut }) };
    putLast(this.#kinds, kind, { row: next, places }, this.#bounds.kinds);
  }

  clear(): void {
    this.#kinds.clear();
  }
}

/** The same for all rows that are alike. */
export function kindOf({ code, rule }: RefusalRow): string {
  return JSON.stringify([code, rule]);
}

/** Whether the first had to go for it. */
function putLast<Item>(items: Map<string, Item>, key: string, item: Item, limit: number): boolean {
  items.delete(key);
  items.set(key, item);
  if (items.size <= limit) return false;
  const [first = ""] = items.keys();
  return items.delete(first);
}
