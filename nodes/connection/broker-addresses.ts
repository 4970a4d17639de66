// Which of a cloud's addresses is called next: the one that works is kept until it fails, then each
// of the others once, and only when none of them answers is it time for a pause.
import { type BrokerUrl, formatBrokerUrl } from "../protocol/broker-url";
import type { M1Error } from "../protocol/errors";
import { needsAPerson } from "./failure";

/** One or more. */
export type BrokerUrls = readonly [BrokerUrl, ...BrokerUrl[]];

/** What the end of a connection, or of an attempt at one, leads to. */
export type NextStep =
  /** The next address, at once. */
  | { readonly name: "next" }
  /** A pause: none of them works. `failure` is the one to show; the credentials were refused if `refused`. */
  | { readonly name: "pause"; readonly failure: M1Error; readonly refused: boolean };

export class BrokerAddresses {
  readonly #urls: BrokerUrls;
  #index = 0;
  /** The one that accepted a connection last. */
  #accepted: BrokerUrl | undefined;
  /** It held a connection for long enough. */
  #isProven = false;
  /** Of each address that has been tried since the latest pause, in their order. */
  #failures: M1Error[] = [];

  constructor(urls: BrokerUrls) {
    this.#urls = urls;
  }

  /** The address to call, or that is in use. */
  get current(): BrokerUrl {
    return this.#urls[this.#index] ?? this.#urls[0];
  }

  /** Host and port, where there are several to tell apart. */
  get currentName(): string | undefined {
    return this.hasOthers ? formatBrokerUrl(this.current).replace(/^\w+:\/\//, "") : undefined;
  }

  /** There is another one to try. */
  get hasOthers(): boolean {
    return this.#urls.length > 1;
  }

  /** The current one is the one that accepted a connection last. */
  get hasAccepted(): boolean {
    return this.#accepted === this.current;
  }

  /** Another one accepted a connection last: the session here can be another one. */
  get hasChanged(): boolean {
    return this.#accepted !== undefined && !this.hasAccepted;
  }

  /** CONNACK has come. */
  accepted(): void {
    this.#accepted = this.current;
  }

  /** The connection has held for long enough that a later loss is a new one. */
  held(): void {
    this.#isProven = true;
    this.#failures = [];
  }

  /** The connection, or the attempt, has ended. After one that held, the same address is called once more. */
  failed(failure: M1Error): NextStep {
    if (this.#isProven) {
      this.#isProven = false;
      return { name: "pause", failure, refused: needsAPerson(failure) };
    }
    this.#failures.push(failure);
    this.#index = (this.#index + 1) % this.#urls.length;
    if (this.#failures.length < this.#urls.length) return { name: "next" };
    // A person can do something about that one; the others may come right by themselves.
    const refusal = this.#failures.find(needsAPerson);
    this.#failures = [];
    return { name: "pause", failure: refusal ?? failure, refused: refusal !== undefined };
  }
}
