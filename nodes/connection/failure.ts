// Why a connection failed: from what mqtt.js, the socket or TLS report to an error a user can act on.
import { ReasonCodes } from "mqtt";
import { type BrokerUrl, formatBrokerUrl } from "../protocol/broker-url";
import { type ErrorCode, type ErrorDetails, M1Error } from "../protocol/errors";
import type { ProtocolVersion } from "../protocol/settings";
import { foreignPeer, handshakeFailure } from "./foreign-peer";
import { QUOTA_EXCEEDED } from "./publish-refusals";

export interface FailureContext {
  readonly broker: BrokerUrl;
  readonly clientId: string;
}

/** CONNACK codes: MQTT 3.1.1 (table 3.1) below 128, MQTT 5 (table 3-1) from 128. */
const REFUSALS: Readonly<Record<number, ErrorCode>> = {
  1: "PROTOCOL_REFUSED",
  2: "CLIENT_ID_REFUSED",
  3: "BROKER_UNAVAILABLE",
  4: "NOT_AUTHORISED",
  5: "NOT_AUTHORISED",
  132: "PROTOCOL_REFUSED",
  133: "CLIENT_ID_REFUSED",
  134: "NOT_AUTHORISED",
  135: "NOT_AUTHORISED",
  138: "NOT_AUTHORISED",
};

const SOCKET_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: "HOST_NOT_FOUND",
  EAI_AGAIN: "HOST_NOT_FOUND",
  ECONNREFUSED: "REFUSED",
  ETIMEDOUT: "TIMED_OUT",
  ECONNRESET: "CONNECTION_LOST",
  EPIPE: "CONNECTION_LOST",
  DEPTH_ZERO_SELF_SIGNED_CERT: "CERTIFICATE_SELF_SIGNED",
  SELF_SIGNED_CERT_IN_CHAIN: "CERTIFICATE_UNTRUSTED",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "CERTIFICATE_UNTRUSTED",
  UNABLE_TO_GET_ISSUER_CERT: "CERTIFICATE_UNTRUSTED",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "CERTIFICATE_UNTRUSTED",
  CERT_UNTRUSTED: "CERTIFICATE_UNTRUSTED",
  ERR_TLS_CERT_ALTNAME_INVALID: "CERTIFICATE_WRONG_HOST",
  CERT_HAS_EXPIRED: "CERTIFICATE_EXPIRED",
  CERT_NOT_YET_VALID: "CERTIFICATE_NOT_YET_VALID",
};

/** What OpenSSL makes of an answer that is not TLS, and Node.js of a server that closes the connection on TLS. */
const NO_TLS = /wrong.version.number|packet.length.too.long|before secure TLS connection/i;

/** MQTT 5, table 3-13. */
const SESSION_TAKEN_OVER = 142;
/** Of the same table, what neither an event nor another client can have caused. */
const BROKER_LEAVES: ReadonlySet<number> = new Set([
  0x89, 0x8b, 0x8d, 0x96, 0x97, 0x98, 0x9c, 0x9d, 0x9f, 0xa0,
]);

/** Codes after which trying again soon is pointless: only a person can put them right. */
const NEED_A_PERSON: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "NOT_AUTHORISED",
  "CLIENT_ID_REFUSED",
  "PROTOCOL_REFUSED",
]);

/** What may be the answer of a broker that does not know this version of MQTT. */
const VERSION_IN_DOUBT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "PROTOCOL_REFUSED",
  "MQTT_NOT_SPOKEN",
  "MQTT_UNREADABLE",
  "CONNECTION_CLOSED",
  "CONNECTION_LOST",
]);

/** What a broker does that knows only an older version: it closes the connection, or answers in that one. */
const WITHOUT_A_WORD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONNECTION_CLOSED",
  "CONNECTION_LOST",
  "MQTT_UNREADABLE",
]);

export function isVersionInDoubt(error: unknown): boolean {
  return error instanceof M1Error && VERSION_IN_DOUBT.has(error.code);
}

/**
 * A failure before CONNACK, at an address that has not accepted a connection yet: `bytes` is how an answer began, as `firstBytes` has it.
 * Brokers that know MQTT 3.1.1 only close the connection on MQTT 5 without a word, or answer in that version.
 */
export function failureBeforeConnack(
  failure: M1Error,
  version: ProtocolVersion,
  broker: BrokerUrl,
  bytes: Uint8Array | undefined,
): M1Error {
  if (!WITHOUT_A_WORD.has(failure.code)) return failure;
  const peer = foreignPeer(bytes);
  if (!peer && version === 5) return new M1Error("MQTT_5_REFUSED");
  if (!peer && bytes?.length) return failure;
  return new M1Error(peer ?? "MQTT_NOT_SPOKEN", { broker: formatBrokerUrl(broker) });
}

export function needsAPerson(failure: M1Error): boolean {
  return NEED_A_PERSON.has(failure.code);
}

/** The broker closed the connection, for whatever reason. */
export function isClosedByBroker({ code }: M1Error): boolean {
  return code === "CONNECTION_CLOSED" || code === "CONNECTION_LOST" || code === "TAKEN_OVER";
}

/** The broker has answered nothing for too long, or nothing that can be read. */
export function isSilence({ code }: M1Error): boolean {
  return code === "KEEPALIVE_LOST" || code === "MQTT_UNREADABLE";
}

/** An error that mqtt.js's client reports. One without a code is its parser's: a socket's has one. */
export function clientFailure(cause: unknown, context: FailureContext): M1Error {
  const failure = connectionFailure(cause, context);
  if (failure.code !== "CONNECTION_LOST" || describe(cause).code !== "") return failure;
  return new M1Error("MQTT_UNREADABLE", failure.details, { cause });
}

/** An error of mqtt.js or its socket as a connection failure. */
export function connectionFailure(cause: unknown, context: FailureContext): M1Error {
  if (cause instanceof M1Error) return cause;
  const { code, message } = describe(cause);
  const { host } = context.broker;
  const server = { broker: formatBrokerUrl(context.broker), host, clientId: context.clientId };
  const failed = (failure: ErrorCode) =>
    new M1Error(failure, { ...server, reason: message }, { cause });
  if (typeof code === "number") return failed(REFUSALS[code] ?? "BROKER_UNAVAILABLE");
  // These two mqtt.js makes itself, and gives them no code.
  if (message === "connack timeout") return failed("TIMED_OUT");
  if (message === "Keepalive timeout") return failed("KEEPALIVE_LOST");
  const refused = context.broker.scheme.startsWith("ws") && handshakeFailure(code, message);
  if (refused) return new M1Error(refused.code, { ...server, status: refused.status }, { cause });
  return networkFailure(cause, server);
}

/** An error of a socket or of TLS. `server.broker` is the URL that was called, whatever its scheme. */
export function networkFailure(
  cause: unknown,
  server: ErrorDetails & { readonly broker: string; readonly host: string },
): M1Error {
  const { code, message } = describe(cause);
  return new M1Error(
    networkFault(String(code), message),
    { ...server, reason: message },
    { cause },
  );
}

function networkFault(code: string, message: string): ErrorCode {
  if (NO_TLS.test(`${code} ${message}`)) return "TLS_NOT_SPOKEN";
  const known = SOCKET_ERRORS[code];
  if (known) return known;
  if (/^(ERR_(OSSL|SSL|TLS)|EPROTO)/.test(code)) return "TLS_FAILED";
  return code === "" ? "CONNECTION_LOST" : "UNREACHABLE";
}

/** The reason that an MQTT 5 broker gives in DISCONNECT. */
export function disconnectFailure(reasonCode: number): M1Error {
  if (reasonCode === SESSION_TAKEN_OVER) return new M1Error("TAKEN_OVER");
  if (reasonCode === 0) return new M1Error("CONNECTION_CLOSED");
  const reason = reasonText(reasonCode);
  if (BROKER_LEAVES.has(reasonCode)) return new M1Error("BROKER_UNAVAILABLE", { reason });
  return new M1Error("CONNECTION_LOST", { reason });
}

/** An MQTT 5 broker's negative acknowledgement of one event. */
export function refusedEvent(cause: unknown): M1Error {
  const { code, message } = describe(cause);
  const reason = typeof code === "number" ? reasonText(code) : message;
  return new M1Error("EVENT_REFUSED", { reason }, { cause });
}

/** Why such a broker takes no event at present. */
export function passingRefusal(reasonCode: number): M1Error {
  if (reasonCode === QUOTA_EXCEEDED) return new M1Error("QUOTA_EXCEEDED");
  return new M1Error("EVENTS_DECLINED", { reason: reasonText(reasonCode) });
}

/** The name of a reason code of MQTT 5, or else its number as the standard writes it. */
function reasonText(code: number): string {
  return (ReasonCodes as Record<number, string>)[code] ?? `0x${code.toString(16)}`;
}

function describe(cause: unknown): { code: string | number; message: string } {
  if (!(cause instanceof Error)) return { code: "", message: String(cause) };
  const { code } = cause as { code?: unknown };
  const known = typeof code === "string" || typeof code === "number" ? code : "";
  // The error of several addresses that all failed has no message of its own.
  return { code: known, message: cause.message || String(known) };
}
