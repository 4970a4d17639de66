// Which events of a queue are settled, by their sequence numbers: nearly always all below a front, as
// they are acknowledged in order, and a few beyond it.

export class Settled {
  #front = 1;
  readonly #beyond = new Set<number>();

  /** All below it are settled; itself it is not. */
  get front(): number {
    return this.#front;
  }

  add(sequence: number): void {
    if (sequence >= this.#front) this.#beyond.add(sequence);
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

  static parse(text: string): Settled {
    const settled = new Settled();
    const [front = 1, ...beyond] = text.split(" ").map(Number);
    settled.#front = front;
    for (const sequence of beyond) settled.add(sequence);
    return settled;
  }
}
