// The wall clock and how it was set while this process lived. A machine without a clock chip starts in
// the past, and its clock steps when a time server answers; only the monotonic clock knows how far.
import { uptime } from "node:os";

export interface ClockSources {
  /** Milliseconds since 1970, whole. */
  readonly wall: () => number;
  /** Milliseconds since any moment; never steps, and may stand still while the machine sleeps. */
  readonly monotonic: () => number;
  /** Milliseconds since the machine started, its sleep included; to the second is enough. */
  readonly uptime: () => number;
}

const SYSTEM: ClockSources = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  uptime: () => uptime() * 1000,
};

/** The clock was set: from the time that it would have shown. Milliseconds since 1970. */
export interface ClockStep {
  readonly from: number;
  readonly to: number;
  /** Somebody has told the user. */
  isTold: boolean;
}

/**
 * Milliseconds. What a time server corrects day by day is far below, whether it steps or slews; a machine
 * that has lost the time is off by far more.
 */
const SMALLEST_STEP = 60_000;
/** From here on a difference may be sleep, and it is worth asking. */
const NOTICEABLE = 1_000;
/** Less is no more than the coarseness of `uptime`. */
const SHORTEST_SLEEP = 5_000;
/**
 * Both clocks are read to the millisecond, one after the other. Corrected by so much less, what came before a
 * step never becomes later than what came after it.
 */
const UNCERTAINTY = 2;
/** Milliseconds between two looks where nothing else looks: the process may end before the next event. */
const INTERVAL = 1_000;

export class Clock {
  /** What the wall clock showed when this process began. */
  readonly start: number;
  readonly #sources: ClockSources;
  /** The monotonic clock at the last look. */
  #lastLook: number;
  /** How far the wall clock was before the monotonic one then. */
  #offset: number;
  /** As much for `uptime`: it grows while the machine sleeps. */
  #sleepOffset: number;
  /** How far each step went, in milliseconds. */
  readonly #shifts: number[] = [];
  readonly #watchers = new Set<(step: ClockStep) => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sources: ClockSources = SYSTEM) {
    this.#sources = sources;
    this.start = sources.wall();
    const monotonic = sources.monotonic();
    this.#lastLook = monotonic;
    this.#offset = this.start - monotonic;
    this.#sleepOffset = sources.uptime() - monotonic;
  }

  /** Milliseconds that never go back, a second old at the most while somebody watches: it costs no look. */
  get lastLook(): number {
    return this.#lastLook;
  }

  /** How many times it has been set: times of different eras cannot be compared. */
  get era(): number {
    return this.#shifts.length;
  }

  /** What turns a time of that era into one of the present era: milliseconds to add. */
  shiftSince(era: number): number {
    let sum = 0;
    for (let index = era; index < this.#shifts.length; index += 1) sum += this.#shifts[index] ?? 0;
    return sum;
  }

  /** `listener` is called at each step, before any time of the new era is given out; ends by the function that is returned. */
  watch(listener: (step: ClockStep) => void): () => void {
    this.#watchers.add(listener);
    this.#timer ??= setInterval(() => this.now(), INTERVAL).unref();
    return () => {
      this.#watchers.delete(listener);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /**
   * Milliseconds since 1970, by the wall clock as it is set now. Every look notices a step; small differences
   * are taken over without a word, so they never add up.
   */
  now(): number {
    const wall = this.#sources.wall();
    this.#lastLook = this.#sources.monotonic();
    const offset = wall - this.#lastLook;
    const difference = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(difference) >= NOTICEABLE) this.#weigh(difference, wall);
    return wall;
  }

  /** Whether so many milliseconds were a step. */
  #weigh(difference: number, wall: number): void {
    const shift = difference - this.#sleep();
    if (Math.abs(shift) < SMALLEST_STEP) return;
    this.#shifts.push(Math.floor(shift) - UNCERTAINTY);
    const step = { from: Math.round(wall - shift), to: wall, isTold: false };
    for (const listener of this.#watchers) listener(step);
  }

  /** Milliseconds that the machine has slept since the last time that this was asked. */
  #sleep(): number {
    const offset = this.#sources.uptime() - this.#sources.monotonic();
    const sleep = offset - this.#sleepOffset;
    this.#sleepOffset = offset;
    return sleep >= SHORTEST_SLEEP ? sleep : 0;
  }
}

/** That of this process. */
export const systemClock = new Clock();
