// Where the broker is: the URLs of a connection, taken apart and checked.
import { excerpt, M1Error, quoted } from "./errors";

export type BrokerScheme = "mqtt" | "mqtts" | "ws" | "wss";

export interface BrokerUrl {
  readonly scheme: BrokerScheme;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Only of a WebSocket; begins with `/` or is blank. */
  readonly path: string;
}

/** What is meant when a URL names no port: Medium One's for MQTT, the web's for WebSockets. */
const DEFAULT_PORT: Readonly<Record<BrokerScheme, number>> = {
  mqtt: 61_619,
  mqtts: 61_620,
  ws: 80,
  wss: 443,
};

const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)([?#].*)?$/i;
const HOST_PARTS = /^(\[[0-9a-f:.]+\]|[^:[\]]*)(?::(.*))?$/i;

/** Throws URL_MISSING, URL_SYNTAX, URL_SCHEME, URL_SECRET, URL_HOST, URL_PORT or URL_PATH. */
export function parseBrokerUrl(text: unknown): BrokerUrl {
  if (typeof text !== "string" || text.trim() === "") throw new M1Error("URL_MISSING");
  const parts = URL_PARTS.exec(text.trim());
  if (!parts) throw new M1Error("URL_SYNTAX", { url: excerpt(withoutUserInfo(text)) });
  const [, schemeText = "", authority = "", path = "", query] = parts;
  const scheme = schemeText.toLowerCase();
  if (!isScheme(scheme)) throw new M1Error("URL_SCHEME", { scheme: excerpt(schemeText) });
  // Quoting the URL here would put the secret into the log. A password of ours has a slash in it,
  // so its @ may well stand in what looks like the path.
  if (text.includes("@")) throw new M1Error("URL_SECRET");
  const { host, port } = hostAndPort(authority, scheme);
  const isWebSocket = scheme === "ws" || scheme === "wss";
  if (query !== undefined || (!isWebSocket && path !== "" && path !== "/")) {
    throw new M1Error("URL_PATH", { part: excerpt(path + (query ?? "")) });
  }
  return { scheme, host, port, path: isWebSocket ? path : "" };
}

/**
 * Further addresses of the same cloud, without blank entries and repetitions. Throws FALLBACK_URLS for what
 * is no list, and FALLBACK_URL for the first entry that is no URL of a broker.
 */
export function parseFallbackUrls(value: unknown): BrokerUrl[] {
  if (!Array.isArray(value)) throw new M1Error("FALLBACK_URLS", quoted(value));
  const urls = new Map<string, BrokerUrl>();
  for (const [index, entry] of value.entries()) {
    const text = String(entry ?? "").trim();
    if (text === "") continue;
    const url = parseEntry(text, index + 1);
    urls.set(formatBrokerUrl(url), url);
  }
  return [...urls.values()];
}

function parseEntry(text: string, number: number): BrokerUrl {
  try {
    return parseBrokerUrl(text);
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    throw new M1Error("FALLBACK_URL", { ...error.details, number, because: error.code });
  }
}

/** The URL in its full form, its port always shown: what logs and messages call the broker. */
export function formatBrokerUrl(url: BrokerUrl): string {
  const host = url.host.includes(":") ? `[${url.host}]` : url.host;
  return `${url.scheme}://${host}:${url.port}${url.path}`;
}

export function isEncrypted(url: BrokerUrl): boolean {
  return url.scheme === "mqtts" || url.scheme === "wss";
}

/** Whether the broker is on this computer, by the look of its name. */
export function isLoopback({ host }: Pick<BrokerUrl, "host">): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

function isScheme(scheme: string): scheme is BrokerScheme {
  return Object.hasOwn(DEFAULT_PORT, scheme);
}

function hostAndPort(authority: string, scheme: BrokerScheme): { host: string; port: number } {
  const parts = HOST_PARTS.exec(authority);
  const host = (parts?.[1] ?? "").replace(/^\[|\]$/g, "");
  if (host === "" || /[\s\p{C}]/u.test(host))
    throw new M1Error("URL_HOST", { host: excerpt(authority) });
  const portText = parts?.[2];
  if (portText === undefined) return { host, port: DEFAULT_PORT[scheme] };
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) throw new M1Error("URL_PORT", { port: excerpt(portText) });
  return { host, port };
}

function withoutUserInfo(text: string): string {
  return text.replace(/^.*@/s, "…@");
}
