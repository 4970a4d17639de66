// What was met of late: a map that forgets what was met longest ago, so that it never outgrows its bounds.

export interface RecentBounds {
  readonly items: number;
  /** Characters that all keys together may have. */
  readonly characters?: number;
  readonly forgotten: (key: string) => void;
}

export class Recent<Value> {
  /** Met longest ago first. */
  readonly #values = new Map<string, Value>();
  readonly #bounds: Required<RecentBounds>;
  #characters = 0;

  constructor(bounds: RecentBounds) {
    this.#bounds = { characters: Number.POSITIVE_INFINITY, ...bounds };
  }

  /** To look at it is to meet it. */
  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#characters += key.length;
    const { items, characters, forgotten } = this.#bounds;
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= items && this.#characters <= characters) return;
      this.delete(oldest);
      forgotten(oldest);
    }
  }

  /** False if it was not there. */
  delete(key: string): boolean {
    const wasThere = this.#values.delete(key);
    if (wasThere) this.#characters -= key.length;
    return wasThere;
  }
}
