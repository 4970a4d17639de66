// What the cloud can say to devices and groups, and workflows through it (wire-contract: Topics).
import type { QoS } from "../../nodes/protocol/settings";
import type { Identity } from "../../nodes/protocol/topics";
import { recipientTopic } from "./cloud-topics";
import type { Recent } from "./recent";
import type { StoredEvent } from "./stored-event";

export interface PublishOptions {
  /** 1 unless told. */
  readonly qos?: QoS;
  readonly retain?: boolean;
}

/**
 * Sends for one user. `_all` addresses every device of the user, or every group of its project.
 * Strings and bytes are sent as they are, anything else as JSON. Each promise is resolved once the
 * message is handed to the broker, and rejected for an address that is none: with an M1Error, or
 * with the code NAME_TOO_LONG or NAME_TOO_DEEP for names that the sandbox does not take.
 */
export interface Cloud {
  /** To `1/p/u/<deviceId>/event`. */
  sendDeviceEvent(deviceId: string, payload: unknown, options?: PublishOptions): Promise<void>;
  /** To `1/p/u/<deviceId>/update/<updateType>`, retained unless told. */
  sendUpdate(
    deviceId: string,
    updateType: string,
    payload: unknown,
    options?: PublishOptions,
  ): Promise<void>;
  /** To `2/p/<groupId>/<updateType>`. */
  sendGroupMessage(
    groupId: string,
    updateType: string,
    payload: unknown,
    options?: PublishOptions,
  ): Promise<void>;
}

/** What a workflow remembers of each device or project. It may forget those it met longest ago. */
export type Memory = Pick<Recent<unknown>, "get" | "set" | "delete">;

/** A workflow: called for each event that was accepted, with the means to answer its user. */
export type Rule = (event: StoredEvent, cloud: Cloud, memory: Memory) => void | Promise<void>;

type Publish = (topic: string, payload: unknown, options: PublishOptions) => Promise<void>;

/** The cloud as seen by one user's workflows. */
export class UserCloud implements Cloud {
  readonly #user: Identity;
  readonly #publish: Publish;

  constructor({ projectMqtt, userMqtt }: Identity, publish: Publish) {
    this.#user = { projectMqtt, userMqtt };
    this.#publish = publish;
  }

  async sendDeviceEvent(
    deviceId: string,
    payload: unknown,
    options: PublishOptions = {},
  ): Promise<void> {
    const topic = recipientTopic({ kind: "event", ...this.#user, deviceId });
    await this.#publish(topic, payload, options);
  }

  async sendUpdate(
    deviceId: string,
    updateType: string,
    payload: unknown,
    options: PublishOptions = {},
  ): Promise<void> {
    const topic = recipientTopic({ kind: "update", ...this.#user, deviceId, updateType });
    await this.#publish(topic, payload, { retain: true, ...options });
  }

  async sendGroupMessage(
    groupId: string,
    updateType: string,
    payload: unknown,
    options: PublishOptions = {},
  ): Promise<void> {
    const topic = recipientTopic({ kind: "group", ...this.#user, groupId, updateType });
    await this.#publish(topic, payload, options);
  }
}

export function payloadBytes(payload: unknown): Buffer {
  if (typeof payload === "string") return Buffer.from(payload);
  if (payload instanceof Uint8Array) return Buffer.from(payload);
  const json: string | undefined = JSON.stringify(payload);
  if (json === undefined) throw new TypeError(`${typeof payload} is not a payload`);
  return Buffer.from(json);
}
