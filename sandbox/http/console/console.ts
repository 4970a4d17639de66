// The console: a page that shows what the sandbox sees, and sends what a person tells it to.
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { HonoRequest } from "hono";
import { Hono } from "hono/tiny";
import { excerpt } from "../../../nodes/protocol/errors";
import { type Identity, isSameUser } from "../../../nodes/protocol/topics";
import { matches } from "../../broker/granted-qos";
import { type Recipient, recipientTopic } from "../../cloud/cloud-topics";
import type { Sandbox } from "../../sandbox";
import { anyTextOf, type Form, formOf, textOf } from "../body";
import { Declined } from "../declined";
import type { SendResult } from "./console-messages";
import type { Feeds } from "./feeds";
import { Filter } from "./filter";

const LONGEST_FILTER = 200;

export function consoleRoutes(sandbox: Sandbox, feeds: Feeds): Hono<{ Bindings: HttpBindings }> {
  return new Hono<{ Bindings: HttpBindings }>()
    .get("/feed", ({ req, env }) => {
      // hono has GET's handler answer a HEAD too, and nobody would read that feed.
      if (req.method !== "GET") throw Declined.method(req.path, req.method, ["GET"]);
      feeds.open(env.outgoing, filterOf(req));
      return RESPONSE_ALREADY_SENT;
    })
    .post("/send", async (c) => c.json(await send(sandbox, await formOf(c.env.incoming))))
    .post("/remove", async (c) => c.json(await remove(sandbox, await formOf(c.env.incoming))));
}

function filterOf(req: HonoRequest): Filter {
  const words = (req.query("filter") ?? "").slice(0, LONGEST_FILTER);
  return new Filter(words, req.query("device") ?? "");
}

async function send(sandbox: Sandbox, form: Form): Promise<SendResult> {
  const topic = topicOf(recipient(form, userOf(sandbox, form)));
  const { notRetained } = await sandbox.publishRaw(topic, anyTextOf(form, "payload"), {
    retain: form.retain === true,
  });
  const receivers = sandbox.clients.filter(({ subscriptions }) =>
    subscriptions.some(({ filter }) => matches(filter, topic)),
  );
  return { topic, receivers: receivers.length, ...(notRetained && { notRetained }) };
}

/** Throws 400 USER_UNKNOWN for a user that nobody could log in as. */
function userOf({ accounts }: Sandbox, form: Form): Identity {
  const projectMqtt = textOf(form, "projectMqtt");
  const userMqtt = textOf(form, "userMqtt");
  const who = { projectMqtt, userMqtt };
  if (accounts.some((account) => isSameUser(account, who))) return who;
  throw Declined.because(400, "USER_UNKNOWN", { projectMqtt: excerpt(projectMqtt) });
}

/** Throws 400 KIND or FIELD_NOT_TEXT; what the levels may hold is the topic's to say. */
function recipient(form: Form, who: Identity): Recipient {
  const level = (field: string) => anyTextOf(form, field, "");
  const deviceId = level("deviceId");
  const updateType = level("updateType");
  switch (form.kind) {
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

async function remove(sandbox: Sandbox, form: Form): Promise<true> {
  const topic = textOf(form, "topic");
  const isRetained = sandbox.retained.some((retained) => retained.topic === topic);
  if (!isRetained) throw Declined.because(404, "NOT_RETAINED", { topic: excerpt(topic) });
  await sandbox.publishRaw(topic, "", { retain: true });
  return true;
}
