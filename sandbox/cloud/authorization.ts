// What the sandbox lets through: CONNECT, PUBLISH and SUBSCRIBE against the wire contract, strictly.
// Every function here is pure; whatever is not allowed is thrown as Refused or M1Error.
import type { ConnectPacket } from "aedes";
import { checkClientId } from "../../nodes/protocol/credentials";
import { decodeEvent, type ReceivedEvent } from "../../nodes/protocol/event";
import { topicLevel } from "../../nodes/protocol/topic-level";
import { type Identity, maySubscribe, parseEventTopic } from "../../nodes/protocol/topics";
import { type Account, login } from "./accounts";
import { checkName } from "./names";
import { Refused, type ReturnCode } from "./refusal";

/** What a PUBLISH and a will have in common. */
export interface Publication {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly retain?: boolean;
}

export interface AuthorizedEvent extends ReceivedEvent {
  readonly deviceId: string;
  readonly raw: string;
}

/** The identity a CONNECT proves. Throws Refused with the return code to answer. */
export function authorizeConnect(packet: ConnectPacket, accounts: readonly Account[]): Identity {
  answering(1, () => checkProtocol(packet));
  answering(2, () => checkClient(packet));
  const who = answering(4, () => login(accounts, packet.username, packet.password));
  const { will } = packet;
  // A will is published in the client's name, so it must be what the client might publish itself.
  if (will) answering(5, () => authorizePublish(will, who));
  return who;
}

/** The event that a PUBLISH brings (wire-contract: Topics, Event payload). */
export function authorizePublish(publication: Publication, who: Identity): AuthorizedEvent {
  const { topic } = publication;
  const own = `0/${who.projectMqtt}/${who.userMqtt}/`;
  const address = parseEventTopic(topic);
  if (!address) throw Refused.because("TOPIC_NOT_EVENT", { topic, own });
  if (address.projectMqtt !== who.projectMqtt || address.userMqtt !== who.userMqtt) {
    throw Refused.because("TOPIC_FOREIGN", { topic, own });
  }
  const deviceId = topicLevel(address.deviceId, "deviceId", { emptyAllowed: true });
  checkName(deviceId, "device ID");
  // The contract knows no retained event, and nobody could subscribe to one: it is a mistake.
  if (publication.retain) throw Refused.because("EVENT_RETAINED");
  const payload = Buffer.from(publication.payload);
  const event = decodeEvent(payload);
  checkName(event.stream ?? "", "stream");
  return { ...event, deviceId, raw: payload.toString("utf8") };
}

/**
 * Throws FILTER_FOREIGN for what reaches beyond the user (wire-contract: Authentication), and
 * NAME_TOO_LONG or NAME_TOO_DEEP.
 */
export function authorizeSubscribe(filter: string, who: Identity): void {
  checkName(filter, "filter");
  if (maySubscribe(who, filter)) return;
  throw Refused.because("FILTER_FOREIGN", {
    filter,
    devices: `1/${who.projectMqtt}/${who.userMqtt}/`,
    groups: `2/${who.projectMqtt}/`,
  });
}

function checkProtocol({ protocolVersion = 4 }: ConnectPacket): void {
  if (protocolVersion === 3 || protocolVersion === 4) return;
  throw Refused.because("PROTOCOL_VERSION", { level: protocolVersion });
}

function checkClient({ clientId, clean }: ConnectPacket): void {
  // MQTT-3.1.3-6 lets a client without an id in, MQTT-3.1.3-8 only for a clean session.
  if (clientId !== "") checkClientId(clientId);
  else if (!clean) throw Refused.because("CLIENT_ID_EMPTY");
}

function answering<Result>(returnCode: ReturnCode, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    throw Refused.from(error).answeredWith(returnCode);
  }
}
