// What clients have not read yet. It is held for them, so that nobody waits for one that reads slowly; when it
// is too much, the client that has left the most is cut off.
import type { Duplex } from "node:stream";
import { Refused } from "../cloud/refusal";

/** Bytes that each piece takes besides its own; an acknowledgement has four. */
const PIECE_WEIGHT = 300;

export class Unread {
  readonly #limit: number;
  /** Of each stream that is open, in bytes. */
  readonly #weights = new Map<Duplex, number>();
  #weight = 0;

  /** `limit` is how many bytes it may be, of all clients together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * From now on who writes to `stream` is not told to wait until it is read: aedes would have
   * everybody wait, as it sends nothing until the message before is on its way to all.
   */
  hold(stream: Duplex): void {
    const write = stream.write.bind(stream);
    this.#weights.set(stream, 0);
    stream.once("close", () => this.#forget(stream));
    stream.write = ((chunk: string | Uint8Array, encoding: BufferEncoding = "utf8") => {
      if (stream.writableNeedDrain) {
        const weight = chunk.length + PIECE_WEIGHT;
        write(chunk, encoding, () => this.#add(stream, -weight));
        this.#add(stream, weight);
      } else write(chunk, encoding);
      return true;
    }) as Duplex["write"];
  }

  #add(stream: Duplex, weight: number): void {
    const before = this.#weights.get(stream);
    if (before === undefined) return;
    this.#weights.set(stream, before + weight);
    this.#weight += weight;
    if (this.#weight > this.#limit) this.#cut(this.#heaviest());
  }

  #heaviest(): Duplex {
    const [[heaviest]] = [...this.#weights].sort(([, one], [, other]) => other - one) as [
      [Duplex, number],
    ];
    return heaviest;
  }

  #cut(stream: Duplex): void {
    this.#forget(stream);
    stream.destroy(Refused.because("UNREAD_FULL", { limit: this.#limit }));
  }

  #forget(stream: Duplex): void {
    this.#weight -= this.#weights.get(stream) ?? 0;
    this.#weights.delete(stream);
  }
}
