// What is written in one turn of the event loop goes to the socket as one: a system call costs more
// than a packet.

/** The part of a stream that this needs; mqtt.js may use streams of its own making. */
export interface Corkable {
  readonly writableNeedDrain: boolean;
  cork(): void;
  uncork(): void;
}

/** A function to call before each write. */
export function gatheredWrites(stream: Corkable): () => void {
  let gathering = false;
  const send = () => {
    if (!gathering) return;
    gathering = false;
    stream.uncork();
  };
  return () => {
    // No more than the stream wants to hold: whoever heeds that would wait for the end of the turn.
    if (stream.writableNeedDrain) send();
    if (gathering) return;
    gathering = true;
    stream.cork();
    setImmediate(send);
  };
}
