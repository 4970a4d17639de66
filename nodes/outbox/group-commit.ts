// When a store makes sure of what it has written: for many events at once, and for none that leave soon anyway.

/** Milliseconds between two looks. An event is made sure of at the second one at which it has not left. */
const INTERVAL = 400;
/** So many looks after it was made sure of, an event that has left must not come again after a power cut. */
const LONGEST_REPEAT = 12;

export interface CommitOwner {
  /** The sequence number of the newest event on disk. */
  readonly newest: number;
  /** All before it have left, and the disk has been told. */
  readonly watermark: number;
  /** Something is in quarantine that is not safe yet. */
  readonly isQuarantineUnsafe: boolean;
  /** Whether any of these has not left. */
  hasPresent(first: number, last: number): boolean;
  /** Makes sure of all that is written. Never rejects. */
  commit(): Promise<void>;
}

export class GroupCommit {
  readonly #owner: CommitOwner;
  readonly #interval: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isChanged = false;
  /** Of the events up to this one each is safe or has left. */
  #settled = 0;
  /** The newest event at the last look. */
  #seen = 0;
  /** What stood on disk for sure after the last commit. */
  #safe = { newest: 0, watermark: 1 };
  /** Looks since then. */
  #looks = 0;

  constructor(owner: CommitOwner, interval = INTERVAL) {
    this.#owner = owner;
    this.#interval = interval;
  }

  /** What an earlier process left counts as safe. */
  opened(): void {
    const { newest, watermark } = this.#owner;
    this.#settled = this.#seen = newest;
    this.#safe = { newest, watermark };
  }

  /** Events that are safe on disk have left since, and would come again after a power cut. */
  get wouldRepeat(): boolean {
    const { newest, watermark } = this.#safe;
    return watermark <= newest && this.#owner.watermark > watermark;
  }

  /** Something has been written. */
  written(): void {
    this.#isChanged = true;
    this.#timer ??= setTimeout(() => this.#look(), this.#interval).unref();
  }

  /** Resolves when all that is written is safe. */
  async now(): Promise<void> {
    const { newest, watermark } = this.#owner;
    this.#looks = 0;
    await this.#owner.commit();
    this.#settled = this.#seen = newest;
    this.#safe = { newest, watermark };
  }

  /** Resolves when nothing is under way; no commit comes any more. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#running = this.#commitIfDue().then(() => {
      this.#running = undefined;
      this.#timer = undefined;
      const hasUnsettled = this.#owner.newest > this.#settled;
      if (this.#isChanged || hasUnsettled || this.wouldRepeat) this.written();
    });
  }

  async #commitIfDue(): Promise<void> {
    const { newest } = this.#owner;
    this.#isChanged = false;
    this.#looks += 1;
    const hasUnsafe = this.#owner.hasPresent(this.#settled + 1, this.#seen);
    const isDue = hasUnsafe || this.#owner.isQuarantineUnsafe;
    this.#settled = this.#seen;
    this.#seen = newest;
    if (isDue || (this.wouldRepeat && this.#looks >= LONGEST_REPEAT)) await this.now();
  }
}
