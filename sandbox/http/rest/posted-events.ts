// POST /v2/events: the events of a body, one JSON document a line (wire-contract: REST).
import { decodeEvent } from "../../../nodes/protocol/event";
import type { AuthorizedEvent } from "../../cloud/authorization";
import { Declined } from "../declined";

/** Made one by one: a body of 10 MB holds half a million. Throws 400 LINE with what is wrong in it. */
export function* postedEvents(body: string, stream: string): Generator<AuthorizedEvent> {
  const blank = /\s*/y;
  // Not a list of all lines: a body of line feeds alone may have ten million.
  for (let end = 0; end < body.length; ) {
    blank.lastIndex = end;
    blank.test(body);
    const start = blank.lastIndex;
    if (start === body.length) return;
    const next = body.indexOf("\n", start);
    end = next < 0 ? body.length : next;
    try {
      yield authorized(body.slice(start, end).trimEnd(), stream);
    } catch (error) {
      const { message: reason } = Declined.from(400, error);
      const line = body.slice(0, start).split("\n").length;
      throw Declined.because(400, "LINE", { line, reason });
    }
  }
}

function authorized(line: string, stream: string): AuthorizedEvent {
  const bytes = Buffer.from(line);
  // A copy: a part of a text keeps the whole of it, 10 MB perhaps, alive.
  const raw = bytes.toString("utf8");
  return { ...decodeEvent(bytes, { by: "rest" }), stream, deviceId: "", raw };
}
