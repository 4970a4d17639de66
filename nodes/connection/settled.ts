// Which events of a queue are settled, by their sequence numbers: nearly always all below a front, as
// they are acknowledged in order, and a few beyond it.

export class Settled {
  #front: number;
  readonly #beyond = new Set<number>();

  constructor(front = 1) {
    this.#front = front;
  }

  /** All below it are settled; itself it is not. */
  get front(): number {
    return this.#front;
  }

  add(sequence: number): void {
    if (sequence === this.#front) this.#front += 1;
    else if (sequence > this.#front) this.#beyond.add(sequence);
    while (this.#beyond.delete(this.#front)) this.#front += 1;
  }

  has(sequence: number): boolean {
    return sequence < this.#front || this.#beyond.has(sequence);
  }

  /** How many of those from `first` to `last` are not settled. */
  unsettled(first: number, last: number): number {
    let count = Math.max(0, last - Math.max(first, this.#front) + 1);
    for (const sequence of this.#beyond) if (sequence >= first && sequence <= last) count -= 1;
    return count;
  }

  /** `7 9 12`: all below 7, and 9 and 12. */
  toString(): string {
    return [this.#front, ...this.#beyond].join(" ");
  }

  /** Throws a SyntaxError for a text that `toString` did not make. */
  static parse(text: string): Settled {
    if (!/^\d+( \d+)*$/.test(text))
      throw new SyntaxError("what is settled is not a list of numbers");
    const [front, ...beyond] = text.split(" ").map(Number);
    const settled = new Settled(front);
    for (const sequence of beyond) settled.add(sequence);
    return settled;
  }
}
