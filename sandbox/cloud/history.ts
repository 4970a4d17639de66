// The last of a kind: a list that forgets its oldest items, so that it never outgrows its bounds.

export interface HistoryBounds<Item> {
  readonly items: number;
  /** What all items together may weigh, as `weigh` tells it of each. */
  readonly weight?: number;
  readonly weigh?: (item: Item) => number;
  /** Called for each that had to go. */
  readonly forgotten?: (item: Item) => void;
}

/** From here on a hundredth goes at once. */
const LONG = 50_000;

export class History<Item> {
  readonly #items: Item[] = [];
  readonly #bounds: Required<HistoryBounds<Item>>;
  #weight = 0;

  constructor(bounds: HistoryBounds<Item>) {
    this.#bounds = { weight: Number.POSITIVE_INFINITY, weigh: () => 0, forgotten: noop, ...bounds };
  }

  /** Oldest first. The same array at all times. */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** Of all items together. */
  get weight(): number {
    return this.#weight;
  }

  add(item: Item): void {
    const { items, weight, weigh, forgotten } = this.#bounds;
    this.#items.push(item);
    this.#weight += weigh(item);
    while (this.#items.length > items || (this.#weight > weight && this.#items.length > 1)) {
      for (const oldest of this.#takeOldest()) {
        this.#weight -= weigh(oldest);
        forgotten(oldest);
      }
    }
  }

  /** All that stay are moved: in a long list that is too much to do for one. */
  #takeOldest(): Item[] {
    const { length } = this.#items;
    if (length > LONG) return this.#items.splice(0, Math.floor(length / 100));
    return [this.#items.shift() as Item];
  }

  /** Does nothing if it is not among them. */
  remove(item: Item): void {
    const index = this.#items.indexOf(item);
    if (index < 0) return;
    this.#items.splice(index, 1);
    this.#weight -= this.#bounds.weigh(item);
  }
}

function noop(): undefined {
  return undefined;
}
