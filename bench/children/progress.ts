// How far a receiver has come, told to the producer by a datagram now and then: less than it is woken for.
import { createSocket, type Socket } from "node:dgram";

export interface Progress {
  /** The producer's port. */
  readonly port: number;
  /** Which publication is meant: a datagram may be late. */
  readonly run: number;
}

/** Messages for each datagram. */
const STEP = 100;
const LOOPBACK = "127.0.0.1";

/** Calls `told` with what a receiver says. Resolves with the port once it listens. */
export function hearProgress(told: (run: number, arrived: number) => void): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes) => {
    const [run = 0, arrived = 0] = bytes.toString().split(" ").map(Number);
    told(run, arrived);
  });
  return new Promise((resolve) => {
    socket.bind(0, LOOPBACK, () => resolve(socket.address().port));
  });
}

let sender: Socket | undefined;

/** To be called with the number of all that have arrived, for each arrival. */
export function progressTeller({ port, run }: Progress): (arrived: number) => void {
  sender ??= createSocket("udp4").unref();
  const socket = sender;
  return (arrived) => {
    if (arrived % STEP === 0) socket.send(`${run} ${arrived}`, port, LOOPBACK);
  };
}
