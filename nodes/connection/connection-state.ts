// What there is to say of a connection at any moment: its state, and what waits to be sent.
import type { M1Error } from "../protocol/errors";

/** `offline` is every moment between two attempts; its reason is why the last one ended. */
export type ConnectionState =
  | { readonly name: "idle" }
  | { readonly name: "connecting"; readonly lastFailure: M1Error | undefined }
  /**
   * `address` is the one in use where there are several. With a refusal, events wait or go slowly because of
   * it; `reasonCode` is the broker's.
   */
  | {
      readonly name: "online";
      readonly address?: string;
      readonly refusal?: M1Error;
      readonly reasonCode?: number;
    }
  | { readonly name: "offline"; readonly reason: M1Error; readonly retryIn: number }
  | { readonly name: "closing" }
  | { readonly name: "closed" };

/** What there is to say of the outbox. */
export interface QueueState {
  /** How many events there are in it. */
  readonly size: number;
  /** How many of them are sent and not acknowledged yet. */
  readonly inFlight: number;
  /** When the oldest was accepted, in milliseconds since 1970, if that is known. */
  readonly oldest: number | undefined;
  /** How many the broker would not have since the last deploy. */
  readonly quarantined: number;
  readonly isFull: boolean;
  /** Events per second at most; Infinity without a limit. */
  readonly sendRate: number;
}
