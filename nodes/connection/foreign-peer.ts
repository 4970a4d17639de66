// What listens at an address that is no broker: by what it says instead of MQTT, or by how it refuses a WebSocket.
import { TLSSocket } from "node:tls";
import type { MqttClient } from "mqtt";
import type { ErrorCode } from "../protocol/errors";

/** Enough to know it by. */
const BYTES = 16;

/** MQTT-3.2.1, the first byte of CONNACK. */
const CONNACK = 0x20;
/** RFC 8446, 5.1: a record that holds an alert, which is what TLS answers to anything else. */
const TLS_ALERT = 0x15;

/** What has come so far, the beginning of it; empty if nothing has, undefined as long as TLS has not come about. */
export function firstBytes(client: MqttClient): () => Uint8Array | undefined {
  let bytes = client.stream instanceof TLSSocket ? undefined : Buffer.alloc(0);
  client.stream.once("secureConnect", () => {
    bytes = Buffer.alloc(0);
  });
  // Before mqtt.js sees it: it reports at once what it cannot read.
  client.stream.prependListener("data", (chunk: Buffer) => {
    if (bytes && bytes.length < BYTES) bytes = Buffer.concat([bytes, chunk.subarray(0, BYTES)]);
  });
  return () => bytes;
}

/** Undefined for what may be a broker, of whatever version. */
export function foreignPeer(bytes: Uint8Array | undefined): ErrorCode | undefined {
  if (!bytes) return "TLS_NOT_SPOKEN";
  const [first] = bytes;
  if (Buffer.from(bytes).toString("latin1").startsWith("HTTP/")) return "WEB_SERVER";
  if (first === TLS_ALERT) return "TLS_NEEDED";
  return first === undefined || first === CONNACK ? undefined : "MQTT_NOT_SPOKEN";
}

/**
 * A handshake that came to nothing, by what the module `ws` says of it; undefined for any other failure.
 * `status` is that of the web server that answered.
 */
export function handshakeFailure(
  code: string | number,
  message: string,
): { readonly code: ErrorCode; readonly status: number } | undefined {
  const status = Number(/^Unexpected server response: (\d+)/.exec(message)?.[1] ?? 0);
  if (status > 0) return { code: refusalByStatus(status), status };
  if (/subprotocol|Invalid (Upgrade|Sec-WebSocket-Accept) header/.test(message)) {
    return { code: "WEBSOCKET_NOT_MQTT", status };
  }
  const isOther = /^HPE_/.test(String(code)) || /^socket hang up$/.test(message);
  return isOther ? { code: "HTTP_NOT_SPOKEN", status } : undefined;
}

function refusalByStatus(status: number): ErrorCode {
  if (status === 401 || status === 403) return "WEBSOCKET_LOGIN";
  if (status === 404) return "WEBSOCKET_NOT_FOUND";
  if (status >= 300 && status < 400) return "WEBSOCKET_MOVED";
  return status >= 500 ? "WEBSOCKET_UNAVAILABLE" : "WEBSOCKET_REFUSED";
}
