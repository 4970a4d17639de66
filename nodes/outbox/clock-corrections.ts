// What a step of the clock means for the events that were accepted before it: the moment of arrival of those
// that have not been sent is put right, and none of them counts as older or younger than it is.
//
// An event in memory says in which era of the clock it was accepted (clock.ts). What is on disk stays as
// it was written; for each step a correction is written beside it, so that it holds for later processes.
import { shiftObservedAt } from "../protocol/observed-at";
import type { Clock } from "./clock";
import type { QueuedEvent } from "./event";
import type { EventStore } from "./event-store";

/** No event of these nodes is older: a clock that shows less is wrong. */
const PLAUSIBLE = Date.UTC(2020);

/** One step, and the sequence numbers of the events on disk that were accepted by that process before it. */
interface Correction {
  readonly first: number;
  readonly last: number;
  /** The newest that had been sent. They may have arrived, and a receiver knows a repetition by its time. */
  readonly sent: number;
  /** Milliseconds. */
  readonly shift: number;
}

/** What a process has to know of a store, also while no queue has it open. Sequence numbers. */
interface Mark {
  /** The newest of earlier processes. */
  inherited: number;
  sent: number;
  /** The corrections on disk go up to this era. */
  era: number;
}

/** By process, for which its clock stands, and by the name of the store. */
const marks = new WeakMap<Clock, Map<string, Mark>>();

/** The event's times by the clock as it is set now. */
export function bringUpToDate(event: QueuedEvent, clock: Clock): void {
  if (event.era === clock.era) return;
  const shift = clock.shiftSince(event.era);
  event.era = clock.era;
  correct(event, shift, event.isStamped);
}

/** Milliseconds since the event was accepted, however the clock was set meanwhile. */
export function ageOf(event: QueuedEvent, clock: Clock, now: number): number {
  return now - acceptedAt(event, clock);
}

/** When the event was accepted, by the clock as it is set now. Milliseconds since 1970. */
export function acceptedAt({ acceptedAt, era }: QueuedEvent, clock: Clock): number {
  return acceptedAt + clock.shiftSince(era);
}

export class ClockCorrections {
  readonly #store: EventStore;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  #corrections: Correction[] = [];
  #mark: Mark | undefined;
  /** Before the last event was given out. */
  #sentBefore = 0;

  /** `failed` is called with what the disk says when a correction cannot be written. */
  constructor(store: EventStore, clock: Clock, failed: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** To be called when the store is open, with the newest number in it. Rejects if the disk does. */
  async open(newest: number): Promise<void> {
    const oldest = this.#store.firstPresentAfter(0);
    const found = parse((await this.#store.readClock()) ?? "");
    this.#corrections = found.filter(({ last }) => last >= oldest);
    this.#mark = this.#claimMark(newest);
    this.endAt(newest);
    this.clockSet(newest);
  }

  /** Notes the steps since the last call, for what is on disk or being written up to that number. */
  clockSet(newest: number): void {
    const mark = this.#mark;
    const { era } = this.#clock;
    if (!mark || mark.era === era) return;
    const shift = this.#clock.shiftSince(mark.era);
    mark.era = era;
    const { inherited, sent } = mark;
    if (newest <= inherited) return;
    this.#corrections.push({ first: inherited + 1, last: newest, sent, shift });
    this.#write();
  }

  /** All up to this event have been given out to be sent. */
  sent({ sequence }: QueuedEvent): void {
    if (!this.#mark) return;
    this.#sentBefore = this.#mark.sent;
    this.#mark.sent = Math.max(sequence, this.#mark.sent);
  }

  /** Undoes the last `sent`. */
  notSent(): void {
    if (this.#mark) this.#mark.sent = this.#sentBefore;
  }

  /** The times of an event that was just read from disk, by the clock as it is set now. */
  apply(event: QueuedEvent): void {
    const { sequence } = event;
    for (const { first, last, sent, shift } of this.#corrections) {
      if (sequence < first || sequence > last) continue;
      correct(event, shift, event.isStamped && sequence > sent);
    }
    const { inherited, sent } = this.#mark ?? { inherited: Number.POSITIVE_INFINITY, sent: 0 };
    if (sequence <= inherited) {
      // No step of this process has to do with it, but its age goes on.
      event.acceptedAt = this.#plausible(event.acceptedAt) + this.#clock.shiftSince(0);
    }
    event.era = this.#clock.era;
    event.isStamped &&= sequence > Math.max(inherited, sent);
  }

  /** What was being written at a step, and never was: others will get these numbers. */
  endAt(newest: number): void {
    if (!this.#corrections.some(({ last }) => last > newest)) return;
    this.#corrections = this.#corrections.map((each) => ({
      ...each,
      last: Math.min(each.last, newest),
    }));
    this.#write();
  }

  #write(): void {
    this.#store.writeClock(format(this.#corrections)).catch(this.#failed);
  }

  /** What cannot have been before this process began counts from then. */
  #plausible(acceptedAt: number): number {
    const { start } = this.#clock;
    return acceptedAt >= PLAUSIBLE && acceptedAt <= start ? acceptedAt : start;
  }

  #claimMark(newest: number): Mark {
    const byName = marks.get(this.#clock) ?? new Map<string, Mark>();
    marks.set(this.#clock, byName);
    const { name } = this.#store;
    const known = byName.get(name);
    // Where the folder was replaced, its numbers have begun anew.
    if (known && known.inherited <= newest) return known;
    const mark = { inherited: newest, sent: 0, era: this.#clock.era };
    byName.set(name, mark);
    return mark;
  }
}

function correct(event: QueuedEvent, shift: number, isStampOpen: boolean): void {
  event.acceptedAt += shift;
  if (isStampOpen) event.payload = shiftObservedAt(event.payload, shift);
}

/** `1-500>20 1767225600000`: events 1 to 500, those up to 20 sent, so many milliseconds. */
const LINE = /^(\d+)-(\d+)>(\d+) (-?\d+)$/;

function format(corrections: readonly Correction[]): string {
  return corrections
    .map(({ first, last, sent, shift }) => `${first}-${last}>${sent} ${shift}`)
    .join("\n");
}

/** Lines that `format` did not make are passed over: their events keep the times that they have. */
function parse(text: string): Correction[] {
  const lines = text.split("\n").map((line) => LINE.exec(line));
  return lines.flatMap((found) => {
    if (!found) return [];
    const [first = 0, last = 0, sent = 0, shift = 0] = found.slice(1).map(Number);
    return [{ first, last, sent, shift }];
  });
}
