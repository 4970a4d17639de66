// Where each packet in a stream of MQTT begins and how long it is, without a look inside (MQTT 3.1.1, 2.2).

export interface Frame {
  /** The packet's type, 14 for DISCONNECT (MQTT 3.1.1, table 2.1). */
  readonly type: number;
  /** Bytes that the packet claims to have after its fixed header. */
  readonly length: number;
}

/** A remaining length has four bytes at the most (MQTT 3.1.1, 2.2.3). */
const LONGEST_LENGTH = 4;

export class Frames {
  readonly #began: (frame: Frame) => void;
  /** Of the packet that is coming in; undefined between two. */
  #type: number | undefined;
  #length = 0;
  #lengthBytes = 0;
  /** Bytes of the packet's body still to come. */
  #left = 0;

  /** `began` is called for each packet once its fixed header is there. */
  constructor(began: (frame: Frame) => void) {
    this.#began = began;
  }

  read(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
      const byte = chunk[at];
      if (byte === undefined) return;
      this.#readHeader(byte);
      at += 1;
    }
  }

  #readHeader(byte: number): void {
    if (this.#type === undefined) {
      this.#type = byte >> 4;
      return;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    // A length that goes on for longer is none, and the broker's to complain of.
    if (byte & 0x80 && this.#lengthBytes < LONGEST_LENGTH) return;
    const frame = { type: this.#type, length: this.#length };
    this.#left = this.#length;
    this.#type = undefined;
    this.#length = 0;
    this.#lengthBytes = 0;
    this.#began(frame);
  }
}
