// What of the broker is kept over a restart: sessions, messages that wait for their clients, retained messages.
import type { AedesPublishPacket, PubrelPacket } from "aedes";
import type { Identity } from "../../nodes/protocol/topics";
import type { Sent } from "../cloud/activity";
import type { ActivityLog } from "../cloud/activity-log";
import { Refused } from "../cloud/refusal";
import type { Item, Room } from "../data/mirror";
import type { ConnectedClients } from "./connected-clients";
import type { Persistence, StoredSession } from "./persistence";
import type { SessionFilters } from "./session-filters";

interface KeptSession extends StoredSession {
  readonly clientId: string;
  readonly owner: Identity;
}

/** Of every client that has asked for one, whether it is connected or away. */
export class KeptSessions implements Room {
  readonly #clients: ConnectedClients;
  readonly #persistence: Persistence;
  readonly #filters: SessionFilters;

  constructor(clients: ConnectedClients, persistence: Persistence, filters: SessionFilters) {
    this.#clients = clients;
    this.#persistence = persistence;
    this.#filters = filters;
  }

  *items(): Generator<Item> {
    for (const [clientId, owner] of this.#clients.owners) {
      const { projectMqtt, userMqtt } = owner;
      const version = `${projectMqtt}/${userMqtt} ${this.#persistence.versionOf(clientId)}`;
      const value = async () => {
        return { clientId, owner, ...(await this.#persistence.sessionOf(clientId)) };
      };
      yield { name: clientId, version, value };
    }
  }

  async restore({ clientId, owner, subscriptions, unreleased }: KeptSession): Promise<void> {
    const granted = subscriptions.filter(({ topic }) => this.#hasRoomFor(clientId, topic));
    await this.#persistence.restoreSession(clientId, { subscriptions: granted, unreleased });
    this.#clients.restore(clientId, owner);
  }

  /** Not if the bounds are narrower than they were. */
  #hasRoomFor(clientId: string, filter: string): boolean {
    try {
      this.#filters.add(clientId, filter);
      return true;
    } catch (error) {
      Refused.from(error);
      return false;
    }
  }
}

interface KeptWaiting {
  readonly clientId: string;
  readonly message: KeptPayload<AedesPublishPacket>;
  /** What goes out: the message, with an id if it had been sent, or the PUBREL. */
  readonly packet:
    | Pick<PubrelPacket, "cmd" | "messageId">
    | Pick<AedesPublishPacket, "cmd" | "messageId">;
}

export class KeptMessages implements Room {
  readonly #persistence: Persistence;

  constructor(persistence: Persistence) {
    this.#persistence = persistence;
  }

  *items(): Generator<Item> {
    for (const waiting of this.#persistence.waiting) {
      const { clientId, message, packet } = waiting;
      const { cmd, messageId } = packet;
      const value = () => ({ clientId, message: kept(message), packet: { cmd, messageId } });
      yield { name: waiting, version: packet, value };
    }
  }

  restore({ clientId, message: record, packet: outgoing }: KeptWaiting): void {
    const message = restored(record);
    const packet = outgoing.cmd === "pubrel" ? outgoing : { ...message, ...outgoing };
    this.#persistence.restoreWaiting({ clientId, message, packet });
  }
}

/** As the cloud sent them, once for the broker and once for those who look. */
export class KeptRetained implements Room {
  readonly #activity: ActivityLog;
  readonly #persistence: Persistence;

  constructor(activity: ActivityLog, persistence: Persistence) {
    this.#activity = activity;
    this.#persistence = persistence;
  }

  *items(): Generator<Item> {
    for (const sent of this.#activity.retained)
      yield { name: sent, version: sent, value: () => kept(sent) };
  }

  async restore(record: KeptPayload<Sent>): Promise<void> {
    const sent = restored(record);
    if (!this.#activity.hasRoomToRetain(sent)) return;
    this.#activity.restoreRetained(sent);
    const { topic, payload, qos } = sent;
    const packet = { cmd: "publish", topic, payload, qos, retain: true, dup: false } as const;
    await this.#persistence.storeRetained(packet as AedesPublishPacket);
  }
}

/** Bytes as JSON can have them: in Base64. */
type KeptPayload<Message> = Omit<Message, "payload"> & { readonly payload: string };

function kept<Message extends { readonly payload: string | Buffer }>(
  message: Message,
): KeptPayload<Message> {
  return { ...message, payload: Buffer.from(message.payload as Buffer).toString("base64") };
}

function restored<Message extends { readonly payload: string | Buffer }>(
  record: KeptPayload<Message>,
): Message {
  return { ...record, payload: Buffer.from(record.payload, "base64") } as unknown as Message;
}
