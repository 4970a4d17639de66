// The dialog of `m1 connection`: where Medium One is, and who speaks to it.
import type { ConnectionTest } from "../connection/connection-test";
import { type BrokerUrl, isEncrypted, isLoopback, parseBrokerUrl } from "../protocol/broker-url";
import { checkApiKey, checkClientId, checkUserPassword } from "../protocol/credentials";
import { type FieldName, M1Error } from "../protocol/errors";
import {
  keepalive,
  outboxFull,
  outboxKind,
  outboxLimit,
  outboxMaxAge,
  protocolVersion,
} from "../protocol/settings";
import { topicLevel } from "../protocol/topic-level";
import { actionButton } from "./action-button";
import { ask } from "./ask";
import { currentValue, fillIn, inputOf, showRow } from "./dialog";
import { explained, explainedIfSet, shared } from "./explain";
import { foldableSection } from "./foldable-section";
import { fieldsOf, fillOnPaste } from "./paste";
import type { EditedNode } from "./red";
import { labelStyle, startDialog } from "./start-dialog";

interface Properties {
  name: string;
  /** A flow written by hand may leave it out. */
  url?: string;
  tls: string;
  projectMqtt: string;
  userMqtt: string;
  clientId: string;
  protocolVersion: string;
  keepalive: string;
  cleanSession: boolean;
  outbox: string;
  outboxLimit: string;
  outboxFull: string;
  outboxMaxAge: string;
}

RED.nodes.registerType<Properties>("m1 connection", {
  category: "config",
  defaults: {
    name: { value: "" },
    url: {
      value: "mqtts://mqtt.mediumone.com:61620",
      required: true,
      label: shared("label.url"),
      validate: explainedIfSet(parseBrokerUrl),
    },
    tls: { value: "", type: "tls-config", required: false, label: shared("label.tls") },
    projectMqtt: {
      value: "",
      required: true,
      label: shared("label.projectMqtt"),
      validate: explained((level) => topicLevel(level, "projectMqtt")),
    },
    userMqtt: {
      value: "",
      required: true,
      label: shared("label.userMqtt"),
      validate: explained((level) => topicLevel(level, "userMqtt")),
    },
    clientId: {
      value: "",
      validate: explainedIfSet((id) => id === "" || checkClientId(String(id))),
    },
    protocolVersion: { value: "4", validate: explainedIfSet(protocolVersion) },
    keepalive: { value: "60", validate: explainedIfSet(keepalive) },
    cleanSession: { value: false },
    outbox: { value: "disk", validate: explainedIfSet(outboxKind) },
    outboxLimit: { value: "100000", validate: explainedIfSet(outboxLimit) },
    outboxFull: { value: "reject", validate: explainedIfSet(outboxFull) },
    outboxMaxAge: { value: "", validate: explainedIfSet(outboxMaxAge) },
  },
  credentials: {
    apiKey: { type: "password", validate: explained(checkApiKey) },
    userPassword: { type: "password", validate: explained(checkUserPassword) },
  },
  label() {
    if (this.name) return this.name;
    const user = [this.projectMqtt, this.userMqtt].filter(Boolean).join("/");
    // Two servers may know the same user: the sandbox and the real one, for example.
    return [user, this.url?.replace(/^\w+:\/\//, "")].filter(Boolean).join("@");
  },
  labelStyle,
  oneditprepare() {
    startDialog(this);
    foldableSection($("#m1-connection-lookup-button"));
    acceptPastes(this);
    offerTest(this);
    offerLookup(this);
    inputOf(this, "url").on("input change", () => showTransport(this));
    showTransport(this);
  },
  oneditsave() {
    // A TLS configuration that a plain connection cannot use would count as used.
    if (urlInDialog(this)?.isPlain) inputOf(this, "tls").val("_ADD_");
  },
});

function acceptPastes(node: EditedNode): void {
  const fields = fieldsOf(node, ["projectMqtt", "userMqtt", "apiKey", "userPassword"]);
  for (const property of [...Object.keys(fields), "url"] as FieldName[]) {
    fillOnPaste(inputOf(node, property), property, () => fields);
  }
}

function offerTest(node: EditedNode): void {
  actionButton($("#m1-connection-test"), {
    busy: shared("note.testing"),
    ask: () => ask<ConnectionTest>(node, "test"),
    succeed: ({ roundTrip }) => {
      const milliseconds = Math.max(1, Math.round(roundTrip));
      return shared("note.tested", { milliseconds });
    },
  });
}

function offerLookup(node: EditedNode): void {
  const button = $("#m1-connection-lookup-go");
  const loginId = $("#m1-connection-login-id");
  const restUrl = $("#m1-connection-rest-url");
  actionButton(button, {
    busy: shared("note.lookingUp"),
    ask: () =>
      ask<{ userMqtt: string }>(node, "user", { loginId: loginId.val(), restUrl: restUrl.val() }),
    succeed: ({ userMqtt }) => {
      fillIn(node, "userMqtt", userMqtt);
      return shared("note.lookedUp", { userMqtt });
    },
  });
  // On the way down, the change of the input would come after it.
  loginId.add(restUrl).on("keyup", ({ key }) => {
    if (key === "Enter") button.trigger("click");
  });
}

/** Whether TLS can be configured, and a warning where a password would travel unprotected. */
function showTransport(node: EditedNode): void {
  const url = urlInDialog(node);
  showRow(node, "tls", !url?.isPlain);
  $("#m1-connection-plain").toggle(url?.isPlain === true && !url.isLocal);
}

function urlInDialog(node: EditedNode): { isPlain: boolean; isLocal: boolean } | undefined {
  let url: BrokerUrl;
  try {
    url = parseBrokerUrl(currentValue(node, "url"));
  } catch (error) {
    if (error instanceof M1Error) return undefined;
    throw error;
  }
  return { isPlain: !isEncrypted(url), isLocal: isLoopback(url) };
}
