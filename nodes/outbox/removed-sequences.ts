// The sequence numbers of the events that have left a queue on disk: all below a watermark, as events are
// acknowledged in order nearly always, and a few ranges beyond it.

interface Range {
  first: number;
  last: number;
}

export class RemovedSequences {
  #watermark: number;
  /** In order; between two of them, as before the first, at least one is not removed. */
  readonly #beyond: Range[] = [];

  constructor(watermark = 1) {
    this.#watermark = watermark;
  }

  /** All below it are removed, and it is not. */
  get watermark(): number {
    return this.#watermark;
  }

  add(sequence: number): void {
    this.addRange(sequence, sequence);
  }

  /** Both included; none if the last comes before the first. */
  addRange(first: number, last: number): void {
    if (last < Math.max(first, this.#watermark)) return;
    const index = this.#indexOf(first - 1);
    const merged = { first, last };
    let end = index;
    for (let next = this.#beyond[end]; next && next.first <= last + 1; next = this.#beyond[end]) {
      merged.first = Math.min(merged.first, next.first);
      merged.last = Math.max(merged.last, next.last);
      end += 1;
    }
    if (merged.first > this.#watermark) {
      this.#beyond.splice(index, end - index, merged);
    } else {
      this.#watermark = merged.last + 1;
      this.#beyond.splice(0, end);
    }
  }

  /** These and the given ones; the same object if there are none. */
  and(sequences: readonly number[]): RemovedSequences {
    if (sequences.length === 0) return this;
    const all = RemovedSequences.parse(this.toString());
    for (const sequence of sequences) all.add(sequence);
    return all;
  }

  has(sequence: number): boolean {
    if (sequence < this.#watermark) return true;
    const range = this.#beyond[this.#indexOf(sequence)];
    return range !== undefined && range.first <= sequence;
  }

  /** The first that is not removed and comes after that one. */
  firstPresentAfter(sequence: number): number {
    const next = Math.max(sequence + 1, this.#watermark);
    const range = this.#beyond[this.#indexOf(next)];
    return range !== undefined && range.first <= next ? range.last + 1 : next;
  }

  /** How many of those from `first` to `last` are not removed. */
  present(first: number, last: number): number {
    if (last < first) return 0;
    let count = Math.max(0, last - Math.max(first, this.#watermark) + 1);
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
    return [this.#watermark, ...ranges].join(" ");
  }

  /** Throws a SyntaxError for a text that `toString` did not make. */
  static parse(text: string): RemovedSequences {
    if (!/^\d+( \d+(-\d+)?)*$/.test(text))
      throw new SyntaxError("what is removed is not a list of numbers and ranges");
    const [watermark, ...ranges] = text.split(" ");
    const removed = new RemovedSequences(Number(watermark));
    for (const range of ranges) {
      const [first = 0, last = first] = range.split("-").map(Number);
      const end = removed.#beyond.at(-1)?.last;
      const open = end === undefined ? removed.#watermark : end + 1;
      if (first <= open || last < first) throw new SyntaxError("what is removed is not in order");
      removed.#beyond.push({ first, last });
    }
    return removed;
  }

  /** Of the first range that does not end before it. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#beyond.length;
    // As a rule a number comes after all ranges.
    if ((this.#beyond.at(-1)?.last ?? 0) < sequence) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#beyond[middle]?.last ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
