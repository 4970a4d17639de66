// The last of a kind: a list that forgets its oldest items, so that it never outgrows its bounds.

export interface HistoryBounds<Item> {
  readonly items: number;
  /** What all items together may weigh, as `weigh` tells it of each. */
  readonly weight?: number;
  readonly weigh?: (item: Item) => number;
}

export class History<Item> {
  readonly #items: Item[] = [];
  readonly #bounds: Required<HistoryBounds<Item>>;
  #weight = 0;

  constructor(bounds: HistoryBounds<Item>) {
    this.#bounds = { weight: Number.POSITIVE_INFINITY, weigh: () => 0, ...bounds };
  }

  /** Oldest first. The same array at all times. */
  get items(): readonly Item[] {
    return this.#items;
  }

  add(item: Item): void {
    const { items, weight, weigh } = this.#bounds;
    this.#items.push(item);
    this.#weight += weigh(item);
    while (this.#items.length > items || (this.#weight > weight && this.#items.length > 1)) {
      this.#weight -= weigh(this.#items.shift() as Item);
    }
  }
}
