// Every duration of a connection, in milliseconds, in one place; tests shorten them.

export interface Timing {
  /** Upper end of the first pause before connecting again; doubles with each failure. */
  readonly firstRetry: number;
  readonly longestRetry: number;
  /** The first pause after the broker refused the credentials: they will hardly change by themselves. */
  readonly refusedRetry: number;
  /** How long a connection must hold before a later loss counts as the first again. */
  readonly stable: number;
  /** From opening the socket to CONNACK. */
  readonly connect: number;
  /** The same where there is another address to try. */
  readonly connectBeforeNext: number;
  /** For the acknowledgement of the oldest event on the wire, and for the answer to a SUBSCRIBE or UNSUBSCRIBE; then the link is dead, whatever the socket says. */
  readonly acknowledge: number;
  /** After so long a filter on which the broker ends the connection is asked for again. */
  readonly askAgain: number;
  /** A broker that cannot bear an event closes the connection this soon; later, it was the link. */
  readonly blame: number;
  /** The first pause after the broker refused an event for now; doubles while it takes none. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** So long after the last pause without such a refusal, the broker takes events again. */
  readonly calm: number;
  /** So long, and ten events more, one turn of the event loop may be used to send what waits. */
  readonly turn: number;
  /** Three times taken over by the same client id within this time is a clash. */
  readonly clash: number;
  /** For the last acknowledgements and DISCONNECT; then the socket is destroyed. */
  readonly close: number;
  /** How long incoming messages wait for a deploy to finish; Node-RED gives up closing a node then. */
  readonly deploy: number;
}

export const TIMING: Timing = {
  firstRetry: 1_000,
  longestRetry: 60_000,
  refusedRetry: 30_000,
  stable: 30_000,
  connect: 30_000,
  connectBeforeNext: 10_000,
  acknowledge: 30_000,
  askAgain: 300_000,
  blame: 10_000,
  firstPause: 1_000,
  longestPause: 60_000,
  calm: 30_000,
  turn: 8,
  clash: 60_000,
  close: 2_000,
  deploy: 15_000,
};
