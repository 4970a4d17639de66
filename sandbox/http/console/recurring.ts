// Refusals as they recur: those alike are one row, with how often there was one.
import type { RefusalRow } from "./console-messages";

/** Rows of so many kinds, the latest last; of more, those that are longest ago go. */
export class Recurring {
  readonly #limit: number;
  readonly #rows = new Map<string, RefusalRow>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  static of(limit: number, rows: readonly RefusalRow[]): Recurring {
    const recurring = new Recurring(limit);
    for (const row of rows) recurring.add(row);
    return recurring;
  }

  get rows(): RefusalRow[] {
    return [...this.#rows.values()];
  }

  add(row: RefusalRow): void {
    const kind = kindOf(row);
    const times = (this.#rows.get(kind)?.times ?? 0) + row.times;
    this.#rows.delete(kind);
    this.#rows.set(kind, { ...row, times });
    if (this.#rows.size <= this.#limit) return;
    const [longestAgo = ""] = this.#rows.keys();
    this.#rows.delete(longestAgo);
  }

  clear(): void {
    this.#rows.clear();
  }
}

/** The same for all rows that are alike. */
export function kindOf({ who, what, reason }: RefusalRow): string {
  return JSON.stringify([who, what, reason]);
}
