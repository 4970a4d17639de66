// Bad weather on purpose, to try a flow against: late bytes, cut connections, refused logins and requests,
// and what brokers of other clouds do otherwise (docs/brokers.md).
import { Duplex } from "node:stream";
import type { Packet } from "mqtt-packet";
import type { Identity } from "../../nodes/protocol/topics";

export interface WeatherOptions {
  /** Milliseconds by which what a client sends and receives is late. */
  readonly latency?: number;
  /** The share of published events, 0 to 1, for which the connection is cut instead. */
  readonly drop?: number;
  /** The share of logins and requests, 0 to 1, that find the server unavailable. */
  readonly refuse?: number;
  /** Milliseconds until a user that is made over REST is there. */
  readonly createLater?: number;
  /** QoS 2 is taken and granted as QoS 1, which PUBACK and SUBACK tell. */
  readonly noQos2?: boolean;
  /** A subscription with a wildcard brings nothing that is retained. */
  readonly noRetainedWildcards?: boolean;
  /** A dot in a topic is a slash. */
  readonly slashDots?: boolean;
  /** A client of another version than MQTT 3 is hung up on, and not told why. */
  readonly mqtt3Only?: boolean;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export class Weather {
  readonly #options: Required<WeatherOptions>;

  constructor(options: WeatherOptions = {}) {
    this.#options = {
      latency: 0,
      drop: 0,
      refuse: 0,
      createLater: 0,
      noQos2: false,
      noRetainedWildcards: false,
      slashDots: false,
      mqtt3Only: false,
      random: Math.random,
      ...options,
    };
  }

  /** Milliseconds by which what a client sends is late, and again what it receives. */
  get latency(): number {
    return this.#options.latency;
  }

  /** Milliseconds until a user that is made over REST is there. */
  get createLater(): number {
    return this.#options.createLater;
  }

  /** Empty if it is fair. */
  get words(): string[] {
    const { latency, drop, refuse, createLater } = this.#options;
    const { noQos2, noRetainedWildcards, slashDots, mqtt3Only } = this.#options;
    const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`;
    return [
      latency > 0 && `${latency} ms late`,
      drop > 0 && `${percent(drop)} of events dropped`,
      refuse > 0 && `${percent(refuse)} of logins and REST requests refused`,
      createLater > 0 && `new users ${createLater} ms late`,
      noQos2 && "QoS 2 as QoS 1",
      noRetainedWildcards && "nothing retained for wildcards",
      slashDots && "dots in topics are slashes",
      mqtt3Only && "MQTT 5 is hung up on",
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

  /** Whether a client that speaks this version is left without an answer. */
  hangsUpOn(protocolVersion: number | undefined): boolean {
    return this.#options.mqtt3Only && protocolVersion === 5;
  }

  /** Whether a new subscription brings what is retained. */
  retainsFor(filter: string): boolean {
    return !this.#options.noRetainedWildcards || !/[+#]/.test(filter);
  }

  /** Changes what a client has sent into what the broker takes it for. An event's topic stays, to be judged. */
  bend(packet: Packet): void {
    if (packet.cmd === "publish") packet.qos = this.#granted(packet.qos);
    if (packet.cmd === "subscribe") {
      packet.subscriptions = packet.subscriptions.map(({ topic, qos, ...others }) => ({
        ...others,
        topic: this.routed(topic),
        qos: this.#granted(qos),
      }));
    }
    if (packet.cmd === "unsubscribe") {
      packet.unsubscriptions = packet.unsubscriptions.map((filter) => this.routed(filter));
    }
  }

  #granted(qos: 0 | 1 | 2): 0 | 1 | 2 {
    return this.#options.noQos2 && qos === 2 ? 1 : qos;
  }

  /** A topic or filter as the broker has it. */
  routed(topic: string): string {
    return this.#options.slashDots ? topic.replaceAll(".", "/") : topic;
  }

  /** Whose topics and filters these are, as the broker has them. */
  routedFor(who: Identity): Identity {
    if (!this.#options.slashDots) return who;
    const { projectMqtt, userMqtt } = who;
    return { projectMqtt: this.routed(projectMqtt), userMqtt: this.routed(userMqtt) };
  }

  /** The device that the cloud takes an event to be of: the fourth level of what is left of its topic. */
  deviceOf(topic: string): string {
    return this.routed(topic).split("/")[3] ?? "";
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

function slowed(stream: Duplex, latency: number): Duplex {
  /** Timers of one duration go off in the order in which they were set: nothing overtakes. */
  const late = (step: () => void) => {
    // What is under way keeps nobody waiting who wants to end.
    setTimeout(step, latency).unref();
  };
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
      // Under way until the client takes it, which one that does not read never does.
      const taken = () => {
        leaving -= chunk.length;
        if (isFull) done();
      };
      late(() => stream.write(chunk, taken));
      if (!isFull) done();
    },
    final(done) {
      late(() => stream.end(done));
    },
    destroy(error, done) {
      // The last words come before the end.
      late(() => stream.destroy());
      done(error);
    },
  });
  stream.on("data", (chunk: Buffer) => {
    arriving += chunk.length;
    readOn();
    late(() => {
      arriving -= chunk.length;
      far.push(chunk);
    });
  });
  stream.once("end", () => late(() => far.push(null)));
  stream.on("error", (error) => far.destroy(error));
  stream.once("close", () => late(() => far.destroy()));
  return far;
}
