// Bad weather on purpose, to try a flow against: late bytes, cut connections, refused logins.
import { Duplex } from "node:stream";

export interface WeatherOptions {
  /** Milliseconds by which what a client sends and receives is late. */
  readonly latency?: number;
  /** The share of published events, 0 to 1, for which the connection is cut instead. */
  readonly drop?: number;
  /** The share of logins and requests, 0 to 1, that find the server unavailable. */
  readonly refuse?: number;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export class Weather {
  readonly #options: Required<WeatherOptions>;

  constructor(options: WeatherOptions = {}) {
    this.#options = { latency: 0, drop: 0, refuse: 0, random: Math.random, ...options };
  }

  /** Empty if it is fair. */
  get words(): string[] {
    const { latency, drop, refuse } = this.#options;
    const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`;
    return [
      latency > 0 && `${latency} ms late`,
      drop > 0 && `${percent(drop)} of events dropped`,
      refuse > 0 && `${percent(refuse)} of logins refused`,
    ].filter((words) => words !== false);
  }

  /** Whether this event is one that cuts its connection. */
  drops(): boolean {
    return this.#happens(this.#options.drop);
  }

  /** Whether this login or request is one that is refused. */
  refuses(): boolean {
    return this.#happens(this.#options.refuse);
  }

  /** The stream as a client far away has it. */
  slowed(stream: Duplex): Duplex {
    const { latency } = this.#options;
    return latency > 0 ? slowed(stream, latency) : stream;
  }

  #happens(share: number): boolean {
    return share > 0 && this.#options.random() < share;
  }
}

/** Bytes under way in one direction; a writer waits when there are more. */
const MOST_UNDER_WAY = 1_000_000;

/** Timers of one duration go off in the order in which they were set: bytes do not overtake. */
function slowed(stream: Duplex, latency: number): Duplex {
  let arriving = 0;
  let leaving = 0;
  const readOn = () => {
    if (arriving + far.readableLength <= MOST_UNDER_WAY) stream.resume();
    else stream.pause();
  };
  const far = new Duplex({
    read: readOn,
    write(chunk: Buffer, _encoding, done) {
      leaving += chunk.length;
      const isFull = leaving > MOST_UNDER_WAY;
      setTimeout(() => {
        leaving -= chunk.length;
        if (!stream.destroyed) stream.write(chunk);
        if (isFull) done();
      }, latency);
      if (!isFull) done();
    },
    final(done) {
      setTimeout(() => stream.end(done), latency);
    },
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.on("data", (chunk: Buffer) => {
    arriving += chunk.length;
    readOn();
    setTimeout(() => {
      arriving -= chunk.length;
      far.push(chunk);
    }, latency);
  });
  stream.once("end", () => setTimeout(() => far.push(null), latency));
  stream.once("error", (error) => far.destroy(error));
  stream.once("close", () => setTimeout(() => far.destroy(), latency));
  return far;
}
