// Which events of a queue are settled, by their sequence numbers: nearly always all below a front, as
// they are acknowledged in order, and a few ranges beyond it.

interface Range {
  first: number;
  last: number;
}

export class Settled {
  #front: number;
  /** In order; between two of them, as before the first, at least one is not settled. */
  readonly #beyond: Range[] = [];

  constructor(front = 1) {
    this.#front = front;
  }

  /** All below it are settled; itself it is not. */
  get front(): number {
    return this.#front;
  }

  add(sequence: number): void {
    if (sequence > this.#front) this.#addBeyond(sequence);
    if (sequence !== this.#front) return;
    this.#front += 1;
    if (this.#beyond[0]?.first !== this.#front) return;
    this.#front = this.#beyond[0].last + 1;
    this.#beyond.shift();
  }

  has(sequence: number): boolean {
    if (sequence < this.#front) return true;
    const range = this.#beyond[this.#indexOf(sequence)];
    return range !== undefined && range.first <= sequence;
  }

  /** The first that is not settled and comes after that one. */
  unsettledAfter(sequence: number): number {
    const next = Math.max(sequence + 1, this.#front);
    const range = this.#beyond[this.#indexOf(next)];
    return range !== undefined && range.first <= next ? range.last + 1 : next;
  }

  /** How many of those from `first` to `last` are not settled. */
  unsettled(first: number, last: number): number {
    if (last < first) return 0;
    let count = Math.max(0, last - Math.max(first, this.#front) + 1);
    for (let index = this.#indexOf(first); index < this.#beyond.length; index += 1) {
      const range = this.#beyond[index];
      if (!range || range.first > last) break;
      count -= Math.min(last, range.last) - Math.max(first, range.first) + 1;
    }
    return count;
  }

  /** `7 9 12-15`: all below 7, and 9, and 12 to 15. */
  toString(): string {
    const ranges = this.#beyond.map(({ first, last }) =>
      first === last ? first : `${first}-${last}`,
    );
    return [this.#front, ...ranges].join(" ");
  }

  /** Throws a SyntaxError for a text that `toString` did not make. */
  static parse(text: string): Settled {
    if (!/^\d+( \d+(-\d+)?)*$/.test(text))
      throw new SyntaxError("what is settled is not a list of numbers and ranges");
    const [front, ...ranges] = text.split(" ");
    const settled = new Settled(Number(front));
    for (const range of ranges) {
      const [first = 0, last = first] = range.split("-").map(Number);
      const end = settled.#beyond.at(-1)?.last;
      const open = end === undefined ? settled.#front : end + 1;
      if (first <= open || last < first) throw new SyntaxError("what is settled is not in order");
      settled.#beyond.push({ first, last });
    }
    return settled;
  }

  #addBeyond(sequence: number): void {
    const index = this.#indexOf(sequence);
    const next = this.#beyond[index];
    if (next !== undefined && next.first <= sequence) return;
    const previous = this.#beyond[index - 1];
    const followsPrevious = previous?.last === sequence - 1;
    const precedesNext = next?.first === sequence + 1;
    if (previous && next && followsPrevious && precedesNext) {
      previous.last = next.last;
      this.#beyond.splice(index, 1);
    } else if (previous && followsPrevious) previous.last = sequence;
    else if (next && precedesNext) next.first = sequence;
    else this.#beyond.splice(index, 0, { first: sequence, last: sequence });
  }

  /** Of the first range that does not end before it. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#beyond.length;
    // What is settled in order comes after all ranges.
    if ((this.#beyond.at(-1)?.last ?? 0) < sequence) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#beyond[middle]?.last ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
