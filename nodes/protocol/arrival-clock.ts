// The clock behind `observed_at` "arrival": microseconds, true to the wall clock, strictly increasing.
import { formatTimestamp, type Timestamp } from "./timestamp";

export interface ClockSources {
  /** Milliseconds since 1970, whole; may step when the system's clock is set. */
  readonly wall: () => number;
  /** Milliseconds with decimals, best since 1970 too, but since any moment will do; never steps. */
  readonly monotonic: () => number;
}

const { timeOrigin } = performance;

const SYSTEM: ClockSources = {
  wall: () => Date.now(),
  monotonic: () => timeOrigin + performance.now(),
};

/**
 * A function that returns the time of its call. The wall clock gives the millisecond, the monotonic
 * clock the microseconds inside it, so a step of the wall clock shows at once. While the wall clock
 * does not step back, each time is later than the one before, by a microsecond at least.
 */
export function arrivalClock(sources: ClockSources = SYSTEM): () => Timestamp {
  let offset = 0;
  let lastWall = Number.NEGATIVE_INFINITY;
  let lastMicros = Number.NEGATIVE_INFINITY;

  return () => {
    const wall = sources.wall();
    const monotonic = sources.monotonic();
    // The offset that the two clocks showed last is kept while it agrees with the wall clock's
    // millisecond; when it does not, it is moved just far enough to agree again.
    const estimate = monotonic + offset;
    if (estimate < wall) offset = wall - monotonic;
    else if (estimate >= wall + 1) offset = wall + 0.999 - monotonic;
    const within = Math.min(999, Math.max(0, Math.floor((monotonic + offset - wall) * 1000)));

    let micros = wall * 1000 + within;
    if (wall >= lastWall && micros <= lastMicros) micros = lastMicros + 1;
    lastWall = wall;
    lastMicros = micros;
    const milliseconds = Math.floor(micros / 1000);
    return formatTimestamp(milliseconds, micros - milliseconds * 1000);
  };
}
