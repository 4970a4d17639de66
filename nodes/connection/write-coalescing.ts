// What is written in one turn of the event loop goes out in one piece: a system call, or a frame of a
// WebSocket, costs more than a packet, and mqtt.js writes six chunks for an event.
import type { Writable } from "node:stream";

/** Bytes of a buffer; what does not fit into it begins the next. */
const BUFFER = 65_536;
/** Bytes up to which a loop copies faster than a call. */
const SHORT = 8;

/**
 * Has the stream gather what is written to it, from now on, until the turn ends, or until the function is
 * called that is returned. A full buffer goes out at once: in a turn that goes on for long, the broker has something
 * to do meanwhile. It may end in the middle of a packet, so the stream must have no delay of its own.
 */
export function coalesceWrites(stream: Writable): () => void {
  const writePiece = stream.write.bind(stream) as (piece: Uint8Array) => boolean;
  let buffer = Buffer.alloc(0);
  /** Between the two lies what is gathered; what lies before is the socket's until it has sent it. */
  let from = 0;
  let to = 0;
  let scheduled = false;

  const send = () => {
    if (to === from || !stream.writable) return;
    const piece = buffer.subarray(from, to);
    from = to;
    writePiece(piece);
  };
  const sendLater = () => {
    scheduled = false;
    send();
  };
  const write = (chunk: string | Uint8Array): boolean => {
    // A UTF-16 unit is three bytes of UTF-8 at the most.
    const most = typeof chunk === "string" ? chunk.length * 3 : chunk.length;
    if (to + most > buffer.length) {
      send();
      buffer = Buffer.allocUnsafeSlow(Math.max(BUFFER, most));
      from = to = 0;
    }
    if (typeof chunk === "string") {
      to += buffer.write(chunk, to);
    } else if (chunk.length <= SHORT) {
      for (let index = 0; index < chunk.length; index += 1) buffer[to + index] = chunk[index] ?? 0;
      to += chunk.length;
    } else {
      buffer.set(chunk, to);
      to += chunk.length;
    }
    if (!scheduled) {
      scheduled = true;
      setImmediate(sendLater);
    }
    return stream.writable && !stream.writableNeedDrain;
  };
  // Without `cork`, mqtt-packet does without a tick of its own for each packet.
  Object.assign(stream, { write, cork: undefined });
  return send;
}
