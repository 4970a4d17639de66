// MQTT by hand, for the two ends of a measurement that must cost less than what is measured.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";

/** Resolves once the broker has accepted the connection. */
export async function open(port: number, clientId: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  // A broker is killed on purpose.
  socket.on("error", () => socket.destroy());
  const answer = once(socket, "data");
  socket.write(generate({ cmd: "connect", clientId, keepalive: 0, clean: true } as Packet));
  await answer;
  return socket;
}

/**
 * Reads the length of each packet and steps over it (MQTT-2.2): `seen` is called with the first
 * byte of each, whose upper half is its type.
 */
export function walker(seen: (firstByte: number) => void): (chunk: Buffer) => void {
  let skip = 0;
  let length = 0;
  let shift = -1;
  return (chunk) => {
    let position = 0;
    while (position < chunk.length) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - position);
        skip -= step;
        position += step;
      } else if (shift < 0) {
        seen(chunk[position] ?? 0);
        position += 1;
        shift = 0;
        length = 0;
      } else {
        const byte = chunk[position] ?? 0;
        position += 1;
        length += (byte & 0x7f) * 2 ** shift;
        shift += 7;
        if (byte < 0x80) {
          skip = length;
          shift = -1;
        }
      }
    }
  };
}
