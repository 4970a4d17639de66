// The console: a page that shows what the sandbox sees, and sends what a person tells it to.
import type { ServerResponse } from "node:http";
import { excerpt } from "../../../nodes/protocol/errors";
import type { Identity } from "../../../nodes/protocol/topics";
import { matches } from "../../broker/granted-qos";
import { type Recipient, recipientTopic } from "../../cloud/cloud-topics";
import type { Sandbox } from "../../sandbox";
import {
  type Answer,
  anyTextOf,
  type Call,
  COMMON_HEADERS,
  Declined,
  json,
  methodOf,
  objectOf,
  type Streaming,
  textOf,
  unknownPath,
} from "../exchange";
import type { SendResult } from "./console-messages";
import { Feed } from "./feed";
import { Filter } from "./filter";

/** More open pages than anyone has; each costs a little for every event. */
const MOST_FEEDS = 20;
/** Milliseconds; a connection that died unseen is found by it. */
const KEEP_ALIVE = 15_000;
const LONGEST_FILTER = 200;

export class Console {
  readonly #sandbox: Sandbox;
  /** What ends each feed that is open. */
  readonly #feeds = new Set<() => void>();

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Ends every feed. */
  close(): void {
    for (const end of this.#feeds) end();
  }

  async answer(call: Call): Promise<Answer | Streaming> {
    const [, action, ...rest] = call.path;
    if (rest.length > 0) throw unknownPath(call);
    if (action === "feed") return this.#feed(call);
    if (action === "send") return this.#send(call);
    if (action === "remove") return this.#remove(call);
    throw unknownPath(call);
  }

  #feed(call: Call): Streaming {
    methodOf(call, "GET");
    if (this.#feeds.size >= MOST_FEEDS) throw Declined.because(503, "FEEDS", { limit: MOST_FEEDS });
    const words = (call.query.get("filter") ?? "").slice(0, LONGEST_FILTER);
    const filter = new Filter(words, call.query.get("device") ?? "");
    return { stream: (response) => this.#open(response, filter) };
  }

  #open(response: ServerResponse, filter: Filter): void {
    const { socket } = response.req;
    response.writeHead(200, { ...COMMON_HEADERS, "content-type": "text/event-stream" });
    const feed = new Feed(this.#sandbox, filter, {
      tell: (name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
      isReady: () => !response.writableNeedDrain,
      failed: (error) => {
        end();
        response.destroy();
        this.#sandbox.emit("error", error);
      },
    });
    const keepAlive = setInterval(() => response.write(": \n\n"), KEEP_ALIVE);
    const end = () => {
      if (!this.#feeds.delete(end)) return;
      clearInterval(keepAlive);
      feed.close();
    };
    this.#feeds.add(end);
    response.once("close", end);
    // A response behind another of its connection never closes; all of them listen to one socket.
    socket.setMaxListeners(socket.getMaxListeners() + 1).once("close", end);
    feed.open();
  }

  async #send(call: Call): Promise<Answer> {
    methodOf(call, "POST");
    const body = await objectOf(call);
    const topic = topicOf(recipient(body, this.#userOf(body)));
    const { notRetained } = await this.#sandbox.publishRaw(topic, anyTextOf(body, "payload"), {
      retain: body.retain === true,
    });
    const receivers = this.#sandbox.clients.filter(({ subscriptions }) =>
      subscriptions.some(({ filter }) => matches(filter, topic)),
    );
    const result = { topic, receivers: receivers.length, ...(notRetained && { notRetained }) };
    return json(result satisfies SendResult);
  }

  /** Throws 400 USER_UNKNOWN for a user that nobody could log in as. */
  #userOf(body: Readonly<Record<string, unknown>>): Identity {
    const projectMqtt = textOf(body, "projectMqtt");
    const userMqtt = textOf(body, "userMqtt");
    const isUser = this.#sandbox.accounts.some(
      (account) => account.projectMqtt === projectMqtt && account.userMqtt === userMqtt,
    );
    if (isUser) return { projectMqtt, userMqtt };
    throw Declined.because(400, "USER_UNKNOWN", { projectMqtt: excerpt(projectMqtt) });
  }

  async #remove(call: Call): Promise<Answer> {
    methodOf(call, "POST");
    const topic = textOf(await objectOf(call), "topic");
    const isRetained = this.#sandbox.retained.some((retained) => retained.topic === topic);
    if (!isRetained) throw Declined.because(404, "NOT_RETAINED", { topic: excerpt(topic) });
    await this.#sandbox.publishRaw(topic, "", { retain: true });
    return json(true);
  }
}

/** Throws 400 KIND or FIELD_NOT_TEXT; what the levels may hold is the topic's to say. */
function recipient(body: Readonly<Record<string, unknown>>, who: Identity): Recipient {
  const level = (field: string) => anyTextOf(body, field, "");
  const deviceId = level("deviceId");
  const updateType = level("updateType");
  switch (body.kind) {
    case "event":
      return { kind: "event", ...who, deviceId };
    case "update":
      return { kind: "update", ...who, deviceId, updateType };
    case "group":
      return { kind: "group", ...who, groupId: level("groupId"), updateType };
    default:
      throw Declined.because(400, "KIND");
  }
}

function topicOf(to: Recipient): string {
  try {
    return recipientTopic(to);
  } catch (error) {
    throw Declined.from(400, error);
  }
}
