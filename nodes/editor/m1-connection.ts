// The dialog of `m1 connection`: where Medium One is, and who speaks to it.
import type { AddressTest } from "../connection/connection-test";
import {
  type BrokerUrl,
  formatBrokerUrl,
  isEncrypted,
  isLoopback,
  parseBrokerUrl,
  parseFallbackUrls,
} from "../protocol/broker-url";
import { checkClientId, checkUserPassword } from "../protocol/credentials";
import { type FieldName, M1Error } from "../protocol/errors";
import { issuedApiKey, issuedMqttId } from "../protocol/issued";
import {
  keepalive,
  outboxFull,
  outboxKind,
  outboxLimit,
  outboxMaxAge,
  outboxMegabytes,
  outboxSync,
  protocolVersion,
  sendRate,
} from "../protocol/settings";
import { actionButton, type Outcome } from "./action-button";
import { ask } from "./ask";
import { currentValue, inputOf, showRow } from "./dialog";
import { explain, explained, explainedIfSet, hasVariable, shared, translateError } from "./explain";
import { fieldsOf, fillOnPaste } from "./paste";
import { say } from "./problems";
import type { EditedNode } from "./red";
import { offerRestPanels } from "./rest-panels";
import { addTab, removeTab } from "./sidebar/tab";
import { labelStyle, startDialog } from "./start-dialog";
import { whenStill } from "./still";
import { TextList } from "./text-list";

interface Properties {
  name: string;
  /** A flow written by hand may leave it out. */
  url?: string;
  fallbackUrls?: string[];
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
  outboxSync: string;
  outboxMegabytes: string;
  sendRate: string;
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
    fallbackUrls: { value: [], validate: explainedIfSet(checkFallbackUrls) },
    tls: { value: "", type: "tls-config", required: false, label: shared("label.tls") },
    projectMqtt: {
      value: "",
      required: true,
      label: shared("label.projectMqtt"),
      validate: explained((id) => issuedMqttId(id, "projectMqtt")),
    },
    userMqtt: {
      value: "",
      required: true,
      label: shared("label.userMqtt"),
      validate: explained((id) => issuedMqttId(id, "userMqtt")),
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
    outboxMegabytes: { value: "500", validate: explainedIfSet(outboxMegabytes) },
    sendRate: { value: "", validate: explainedIfSet(sendRate) },
    outboxSync: { value: "second", validate: explainedIfSet(outboxSync) },
  },
  credentials: {
    apiKey: { type: "password", validate: explained(issuedApiKey, "apiKey") },
    userPassword: { type: "password", validate: explained(checkUserPassword, "userPassword") },
  },
  label() {
    if (this.name) return this.name;
    const user = [this.projectMqtt, this.userMqtt].filter(Boolean).join("/");
    // Two servers may know the same user: the sandbox and the real one, for example.
    return [user, this.url?.replace(/^\w+:\/\//, "")].filter(Boolean).join("@");
  },
  labelStyle,
  onpaletteadd: addTab,
  onpaletteremove: removeTab,
  oneditprepare() {
    startDialog(this);
    acceptPastes(this);
    offerTest(this);
    offerRestPanels(this);
    showFallbackUrls(this);
    showOutboxSync(this);
  },
  oneditsave() {
    // A TLS configuration that a plain connection cannot use would count as used.
    if (transportInDialog(this).isPlain) inputOf(this, "tls").val("_ADD_");
    this.fallbackUrls = fallbackList().texts();
  },
});

/** Only for an outbox on disk. A connection of an earlier version does not state it. */
function showOutboxSync(node: EditedNode & Properties): void {
  if (node.outboxSync === undefined) inputOf(node, "outboxSync").val("second");
  const update = () => showRow(node, "outboxSync", currentValue(node, "outbox") === "disk");
  inputOf(node, "outbox").on("change", update);
  update();
}

function fallbackList(): TextList {
  return new TextList($("#m1-connection-fallback-urls"));
}

function showFallbackUrls(node: EditedNode & Properties): void {
  const list = fallbackList();
  const show = () => {
    const wrong = list.check();
    say($("#m1-connection-fallback-problem"), wrong.join(" – ") || undefined);
    showTransport(node);
  };
  const update = () => whenStill(show);
  list.show(Array.isArray(node.fallbackUrls) ? node.fallbackUrls : [], {
    placeholder: shared("placeholder.fallbackUrls"),
    label: shared("label.fallbackUrls"),
    verdict: (text, others) =>
      hasVariable(text) ||
      explain(() => checkEntry(text, [...others, String(currentValue(node, "url"))])),
    changed: update,
  });
  inputOf(node, "url").on("input change", update);
  update();
}

function acceptPastes(node: EditedNode): void {
  const fields = fieldsOf(node, ["projectMqtt", "userMqtt", "apiKey", "userPassword"]);
  for (const property of [...Object.keys(fields), "url"] as FieldName[]) {
    fillOnPaste(inputOf(node, property), property, () => fields);
  }
}

function offerTest(node: EditedNode): void {
  actionButton($("#m1-connection-test"), {
    busy: shared("note.testing"),
    ask: () =>
      ask<{ results: AddressTest[] }>(node, "test", { fallbackUrls: fallbackList().texts() }),
    succeed: ({ results }) =>
      results.length === 1 ? results.map(outcome) : results.map(outcomeOfAddress),
  });
}

function outcome({ roundTrip, error }: AddressTest): Outcome {
  if (error) return { isGood: false, words: translateError(error) };
  return { isGood: true, words: shared("note.tested", { milliseconds: rounded(roundTrip) }) };
}

function outcomeOfAddress({ broker, roundTrip, error }: AddressTest): Outcome {
  if (error) return { isGood: false, words: `${broker} – ${translateError(error)}` };
  const details = { broker, milliseconds: rounded(roundTrip) };
  return { isGood: true, words: shared("note.testedAddress", details) };
}

function rounded(milliseconds = 0): number {
  return Math.max(1, Math.round(milliseconds));
}

/** Whether TLS can be configured, and a warning where a password would travel unprotected. */
function showTransport(node: EditedNode): void {
  const { isPlain, isReadable } = transportInDialog(node);
  showRow(node, "tls", !isPlain);
  $("#m1-connection-plain").toggle(isReadable);
}

/** `isPlain`: no address is encrypted. `isReadable`: one that is not on this computer is not. */
function transportInDialog(node: EditedNode): { isPlain: boolean; isReadable: boolean } {
  const texts = [String(currentValue(node, "url")), ...fallbackList().texts()];
  const urls = texts.map(validUrl).filter((url) => url !== undefined);
  return {
    isPlain: urls.length === texts.length && !urls.some(isEncrypted),
    isReadable: urls.some((url) => !isEncrypted(url) && !isLoopback(url)),
  };
}

function validUrl(text: string): BrokerUrl | undefined {
  try {
    return parseBrokerUrl(text);
  } catch (error) {
    if (error instanceof M1Error) return undefined;
    throw error;
  }
}

/** Variables are left to the runtime; each keeps its place. */
function checkFallbackUrls(value: unknown): void {
  const entries: unknown = Array.isArray(value)
    ? value.map((entry) => (hasVariable(entry) ? "" : entry))
    : value;
  parseFallbackUrls(entries);
}

/** Throws what is wrong with one entry, or FALLBACK_REPEATED if it is one of the others. */
function checkEntry(text: string, others: readonly string[]): void {
  const url = formatBrokerUrl(parseBrokerUrl(text));
  const known = others.map(validUrl).filter((other) => other !== undefined);
  if (known.some((other) => formatBrokerUrl(other) === url)) {
    throw new M1Error("FALLBACK_REPEATED", { url });
  }
}
