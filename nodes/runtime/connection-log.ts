// What a connection writes into the log and tells Catch nodes: changes, not attempts, each told once.
import type { Node, NodeAPI } from "node-red";
import type { Connection, ConnectionEvents } from "../connection/connection";
import type { ConnectionState } from "../connection/connection-state";
import { needsAPerson } from "../connection/failure";
import { type Clock, type ClockStep, systemClock } from "../outbox/clock";
import type { Losses } from "../outbox/outbox";
import { type BrokerUrl, formatBrokerUrl, isEncrypted, isLoopback } from "../protocol/broker-url";
import { type ErrorCode, M1Error } from "../protocol/errors";
import { problem } from "./problem";
import { errorText, translate } from "./translate";

const CLASH: ErrorCode = "CLIENT_ID_CLASH";

/** Milliseconds without a further loss, and with room for new events: then an episode of losses is over. */
const EPISODE_ENDS = 2_000;

export class ConnectionLog {
  readonly #RED: NodeAPI;
  readonly #node: Node;
  readonly #connection: Connection;
  /** The broker takes no events at present, and that has been told. */
  #toldRefusal = false;
  /** The codes that have been told of the present outage. */
  readonly #told = new Set<string>();
  /** The failures of single addresses that have been told of it. */
  readonly #toldOfAddresses = new Set<string>();
  /** The losses that have been told. */
  #toldLosses: Losses = { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 };
  /** How many have been seen. */
  #lost = 0;
  #lossTimer: NodeJS.Timeout | undefined;
  readonly #unwatchClock: () => void;

  constructor(RED: NodeAPI, node: Node, connection: Connection, clock: Clock = systemClock) {
    this.#RED = RED;
    this.#node = node;
    this.#connection = connection;
    for (const broker of connection.settings.brokers) this.#warnIfReadable(broker);
    this.#unwatchClock = clock.watch((step) => this.#tellClockSet(step));
  }

  /**
   * One line when it comes up, one error when it is lost or never comes, and one more
   * if a later attempt shows that a person has to act. One warning if events are refused for now.
   */
  state(state: ConnectionState): void {
    const toldRefusal = this.#toldRefusal;
    this.#toldRefusal = state.name === "online" && state.refusal !== undefined;
    if (state.name === "offline") this.#tellOffline(state.reason);
    if (state.name !== "online" || toldRefusal) return;
    if (state.refusal) this.#node.warn(problem(this.#RED, state.refusal));
    else this.#tellOnline();
  }

  /** One warning for each address that fails while there are others to try. */
  nextAddress({ failure, failed, next }: ConnectionEvents["nextAddress"][0]): void {
    const broker = formatBrokerUrl(failed);
    const name = `${failure.code} ${broker}`;
    if (this.#toldOfAddresses.has(name)) return;
    this.#toldOfAddresses.add(name);
    const reason = errorText(this.#RED, failure);
    const details = { broker, reason, next: formatBrokerUrl(next) };
    this.#node.warn(translate(this.#RED, "log.nextAddress", details));
  }

  /** It held: whatever comes next is new. */
  stable(): void {
    this.#told.clear();
    this.#toldOfAddresses.clear();
  }

  /** To be called when events may have left the outbox. Those that are lost are told when no more follow. */
  outbox(): void {
    const lost = total(this.#connection.outbox.losses);
    if (lost === this.#lost) return;
    this.#lost = lost;
    if (this.#lossTimer) this.#lossTimer.refresh();
    else this.#lossTimer = setTimeout(() => this.#episodeEnds(), EPISODE_ENDS);
  }

  /** What has not been told yet is told now. */
  close(): void {
    this.#unwatchClock();
    clearTimeout(this.#lossTimer);
    this.#tellLosses();
  }

  #episodeEnds(): void {
    if (this.#connection.outbox.isFull) this.#lossTimer?.refresh();
    else this.#tellLosses();
  }

  #tellLosses(): void {
    const { losses } = this.#connection.outbox;
    const told = this.#toldLosses;
    const news = {
      dropped: losses.dropped - told.dropped,
      expired: losses.expired - told.expired,
      unreadable: losses.unreadable - told.unreadable,
      quarantined: losses.quarantined - told.quarantined,
    };
    if (total(news) === 0) return;
    this.#toldLosses = { ...losses };
    const details = { ...news, losses: this.#lossesText(news) };
    this.#node.error(problem(this.#RED, new M1Error("OUTBOX_LOSSES", details)), {});
  }

  #lossesText(losses: Losses): string {
    const parts = Object.entries(losses)
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => translate(this.#RED, `log.losses.${kind}`, { count }));
    return parts.join(", ");
  }

  /** It is one clock for all connections: the first to hear of it says so. */
  #tellClockSet(step: ClockStep): void {
    if (step.isTold) return;
    step.isTold = true;
    const details = { from: isoSeconds(step.from), to: isoSeconds(step.to) };
    this.#node.log(translate(this.#RED, "log.clockSet", details));
  }

  #tellOnline(): void {
    // Two clients with one id throw each other out for ever: once is enough until that has ended.
    if (this.#told.has(CLASH)) return;
    this.#told.clear();
    const { broker, settings } = this.#connection;
    const details = { broker: formatBrokerUrl(broker), username: settings.username };
    this.#node.log(translate(this.#RED, "log.connected", details));
  }

  #tellOffline(reason: M1Error): void {
    const { code } = reason;
    const isNews = this.#told.size === 0 || needsAPerson(reason) || code === CLASH;
    if (!isNews || this.#told.has(code) || this.#told.has(CLASH)) return;
    this.#told.add(code);
    this.#node.error(problem(this.#RED, reason), {});
  }

  #warnIfReadable(broker: BrokerUrl): void {
    if (isEncrypted(broker) || isLoopback(broker)) return;
    const details = { broker: formatBrokerUrl(broker) };
    this.#node.warn(translate(this.#RED, "log.readable", details));
  }
}

function total({ dropped, expired, unreadable, quarantined }: Losses): number {
  return dropped + expired + unreadable + quarantined;
}

/** `2001-01-01T00:10:10Z` */
function isoSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+/, "");
}
