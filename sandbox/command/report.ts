// What a sandbox tells as lines for a terminal: local time, what happened, who, and the details.
import { LONGEST_CLIENT_ID } from "../../nodes/protocol/credentials";
import { excerpt } from "../../nodes/protocol/errors";
import type { FilterWithQos } from "../broker/wire";
import {
  type ConnectedClient,
  type Disconnection,
  type Refusal,
  refusedOne,
  type Sent,
} from "../cloud/activity";
import type { StoredEvent } from "../cloud/stored-event";
import type { Sandbox } from "../sandbox";
import { localTime } from "./local-time";

type Colour = "green" | "cyan" | "red" | "grey";

/** One happening: `kind` is the column that says what, `who` the client, device or group. */
export interface Line {
  readonly time: Date;
  readonly kind: string;
  readonly who: string;
  readonly details: string;
  readonly colour: Colour;
}

/** SGR codes of ECMA-48. */
const SGR: Readonly<Record<Colour, number>> = { green: 32, cyan: 36, red: 31, grey: 90 };

const KIND_WIDTH = 12;
/** A client ID fits, and the sign that a longer one was cut (wire-contract: Identifiers). */
const WHO_WIDTH = LONGEST_CLIENT_ID + 1;
const LONGEST_PAYLOAD = 120;

export interface ReportOptions {
  readonly colour?: boolean;
  /** Only of what was refused, and of what there was no room for. */
  readonly quiet?: boolean;
}

/** Calls `write` with a line, without a line break, for each thing that a sandbox tells. */
export function report(
  sandbox: Sandbox,
  write: (line: string) => void,
  { colour = false, quiet = false }: ReportOptions = {},
): void {
  const tell = (line: Omit<Line, "time">) =>
    write(formatLine({ time: new Date(), ...line }, colour));
  sandbox.on("refusal", (refusal) => tell(describeRefusal(refusal)));
  if (quiet) return;
  sandbox.on("event", (event) => tell(describeEvent(event)));
  sandbox.on("sent", (sent) => tell(describeSent(sent)));
  sandbox.on("connected", (client) => tell(describeConnected(client)));
  sandbox.on("disconnected", (client) => tell(describeDisconnected(client)));
  sandbox.on("subscribed", ({ clientId, subscriptions }) => {
    tell(grey("subscribed", clientId, subscriptions.map(withQos).join(", ")));
  });
  sandbox.on("unsubscribed", ({ clientId, filters }) => {
    tell(grey("unsubscribed", clientId, filters.join(", ")));
  });
}

function describeEvent({ deviceId, stream, raw }: StoredEvent): Omit<Line, "time"> {
  const details = `${excerpt(raw, LONGEST_PAYLOAD)}${stream === "raw" ? "" : `  in stream ${stream}`}`;
  return { kind: "event", who: deviceId || "(no device ID)", details, colour: "green" };
}

function describeSent({ topic, address, payload, retain, notRetained }: Sent): Omit<Line, "time"> {
  const text = excerpt(payload.toString("utf8"), LONGEST_PAYLOAD);
  const retention = retain ? ", retained" : notRetained ? ", not retained" : "";
  return {
    kind: "sent",
    who: address ? (address.kind === "group" ? address.groupId : address.deviceId) : "(nobody)",
    details: `${text}  to ${topic}${retention}`,
    colour: "cyan",
  };
}

function describeRefusal(refusal: Refusal): Omit<Line, "time"> {
  const { what, clientId, code, reason, topic, filter } = refusal;
  const place = [what, topic ?? filter].filter(Boolean).join(" ");
  return {
    kind: "refused",
    who: clientId || `(${refusedOne(refusal)})`,
    details: `${place}: ${reason} [${code}]`,
    colour: "red",
  };
}

function describeConnected(client: ConnectedClient): Omit<Line, "time"> {
  const { clientId, username, clean, sessionPresent } = client;
  const session = clean ? "clean session" : sessionPresent ? "session resumed" : "new session";
  return grey("connected", clientId, `as ${username}, ${session}`);
}

function describeDisconnected(client: Disconnection): Omit<Line, "time"> {
  const { clientId, graceful, reason } = client;
  return grey(
    "disconnected",
    clientId,
    graceful ? "by its own wish" : (reason ?? "the connection was cut"),
  );
}

function grey(kind: string, who: string, details: string): Omit<Line, "time"> {
  return { kind, who, details, colour: "grey" };
}

export function formatLine(line: Line, colour: boolean): string {
  const kind = line.kind.padEnd(KIND_WIDTH);
  const painted = colour ? `\x1b[${SGR[line.colour]}m${kind}\x1b[0m` : kind;
  const who = excerpt(printable(line.who), LONGEST_CLIENT_ID).padEnd(WHO_WIDTH);
  return `${localTime(line.time)}  ${painted}  ${who}  ${printable(line.details)}`;
}

/** What clients send is shown on a terminal, which must not take it for commands. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}

function withQos({ filter, qos }: FilterWithQos): string {
  return `${filter} (QoS ${qos})`;
}
