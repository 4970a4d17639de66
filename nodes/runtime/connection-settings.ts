// What an `m1 connection` states, deployed or still in its dialog, as the settings of a connection.
import type { ConnectionOptions as TlsOptions } from "node:tls";
import type { Node, NodeAPI } from "node-red";
import type { BrokerUrls } from "../connection/broker-addresses";
import type { ConnectionSettings } from "../connection/mqtt-client";
import {
  formatBrokerUrl,
  isEncrypted,
  parseBrokerUrl,
  parseFallbackUrls,
} from "../protocol/broker-url";
import { checkClientId, password, username } from "../protocol/credentials";
import { M1Error } from "../protocol/errors";
import { issuedApiKey, issuedMqttId } from "../protocol/issued";
import * as check from "../protocol/settings";
import { isDisabled } from "./config-node";
import { flagSetting, setting, textSetting } from "./settings";

/** Properties and credentials by their names, absent or of any type: a flow file may hold anything. */
export type StatedConnection = Readonly<
  Record<
    | "url"
    | "fallbackUrls"
    | "tls"
    | "projectMqtt"
    | "userMqtt"
    | "apiKey"
    | "userPassword"
    | "clientId"
    | "protocolVersion"
    | "keepalive"
    | "cleanSession"
    | "sendRate",
    unknown
  >
>;

interface TlsConfigNode extends Node {
  addTLSOptions(options: TlsOptions): void;
}

export const DEFAULT_URL = "mqtts://mqtt.mediumone.com:61620";

/**
 * Throws the M1Error of the first setting that is not usable. `ownClientId` is for a connection that
 * states none; `tlsOptions` is given the id of the TLS configuration.
 */
export function connectionSettings(
  stated: StatedConnection,
  ownClientId: string,
  tlsOptions: (id: string) => TlsOptions,
): ConnectionSettings {
  const brokers = brokerUrls(stated);
  const identity = {
    projectMqtt: issuedMqttId(setting(stated.projectMqtt, "projectMqtt", ""), "projectMqtt"),
    userMqtt: issuedMqttId(setting(stated.userMqtt, "userMqtt", ""), "userMqtt"),
  };
  const clientId = textSetting(stated.clientId, "clientId");
  const tls = brokers.some(isEncrypted) ? textSetting(stated.tls, "tls") : "";
  return {
    brokers,
    identity,
    username: username(identity),
    password: password(
      issuedApiKey(setting(stated.apiKey, "apiKey", "")),
      setting(stated.userPassword, "userPassword", ""),
    ),
    clientId: clientId === "" ? ownClientId : checkClientId(clientId),
    protocolVersion: check.protocolVersion(setting(stated.protocolVersion, "protocolVersion", "4")),
    keepalive: check.keepalive(setting(stated.keepalive, "keepalive", "60")),
    cleanSession: flagSetting(stated.cleanSession, "cleanSession", false),
    sendRate: check.sendRate(setting(stated.sendRate, "sendRate", "")),
    tls: tls === "" ? {} : tlsOptions(tls),
  };
}

/** Each once. */
function brokerUrls(stated: StatedConnection): BrokerUrls {
  const first = parseBrokerUrl(setting(stated.url, "url", DEFAULT_URL));
  const listed = setting(stated.fallbackUrls, "fallbackUrls", []);
  const entries = Array.isArray(listed)
    ? listed.map((entry: unknown) => setting(entry, "fallbackUrls", ""))
    : listed;
  const name = formatBrokerUrl(first);
  return [first, ...parseFallbackUrls(entries).filter((url) => formatBrokerUrl(url) !== name)];
}

/** What a deployed TLS configuration adds; throws TLS_MISSING or TLS_DISABLED if none with that id runs. */
export function deployedTlsOptions(RED: NodeAPI, id: string): TlsOptions {
  const node = RED.nodes.getNode(id) as TlsConfigNode | null;
  if (typeof node?.addTLSOptions !== "function") {
    throw new M1Error(isDisabled(RED, id) ? "TLS_DISABLED" : "TLS_MISSING");
  }
  const options: TlsOptions = {};
  node.addTLSOptions(options);
  return options;
}
