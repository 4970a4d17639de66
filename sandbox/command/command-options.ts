// What the command m1-sandbox can be told, and how it explains itself.
//
// With parseArgs of Node.js: commander came to fifteen lines more and 127 kB, took an empty
// M1_SANDBOX_PORT for a port, and named the option where the variable was wrong.
import { isIP } from "node:net";
import { parseArgs } from "node:util";
import type { WeatherOptions } from "../broker/weather";
import { DEFAULT_WEB_PORT } from "../http/web";
import { DEFAULT_PORT } from "../sandbox";

/** Medium One's own for MQTT with TLS. */
const DEFAULT_TLS_PORT = 61_620;
/** Enough for the most that a REST call lists. */
export const DEFAULT_KEEP = 10_000;
const MOST_KEPT = 1_000_000;

export interface CommandOptions {
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
  /** What it is called, besides what it knows by itself. */
  readonly names: readonly string[];
  readonly file: string | undefined;
  readonly tls: string | undefined;
  /** Where what is to outlive the sandbox is kept, if it is. */
  readonly data: string | undefined;
  readonly weather: WeatherOptions;
  readonly keep: number;
  readonly quiet: boolean;
}

/** Each once: what follows it, if anything does, and what it is for. */
const OPTIONS = {
  port: taking(
    "<number>",
    `for MQTT; ${DEFAULT_PORT}, or ${DEFAULT_TLS_PORT} with --tls; 0 is any free port`,
  ),
  "http-port": taking("<number>", `for the console and the REST API; ${DEFAULT_WEB_PORT}`),
  file: taking("<path>", "projects, users and workflows, as JSON; read again when it changes"),
  tls: taking(
    "<folder>",
    "MQTT over TLS, with cert.pem and key.pem of the folder; made if missing",
  ),
  latency: taking("<ms>", "what clients send and receive is so late"),
  drop: taking("<percent>", "of the events cut their connection instead of being stored"),
  refuse: taking("<percent>", "of the logins and REST requests find the server unavailable"),
  "create-later": taking(
    "<ms>",
    "a user that is made over REST is there so late; the answer is 202",
  ),
  "no-qos-2": flag("QoS 2 is taken and granted as QoS 1"),
  "no-retained-wildcards": flag("what is retained comes for exact topics only"),
  "slash-dots": flag("a dot in a topic is a slash"),
  "mqtt-3-only": flag("MQTT 5 is hung up on, without a word"),
  data: taking("<folder>", "what is remembered there outlives the sandbox; made if missing"),
  keep: taking("<number>", `of events are remembered; ${DEFAULT_KEEP}`),
  host: taking("<address>", "to listen on; 127.0.0.1. Any other lets the network in"),
  "allow-host": {
    ...taking("<name>", "to open the console under, of a Docker service say; may be repeated"),
    multiple: true,
  },
  quiet: flag("no lines but for what is refused, and for bounds that are reached"),
  help: { ...flag("this text"), short: "h" },
  version: flag(""),
} as const;

export const HELP = `m1-sandbox: a local stand-in for the Medium One IoT cloud.

  m1-sandbox [options]

${Object.entries(OPTIONS).map(helpOn).join("\n")}

The ports can be given as M1_SANDBOX_PORT and M1_SANDBOX_HTTP_PORT too.
`;

function taking(value: string, help: string) {
  return { type: "string", value, help } as const;
}

function flag(help: string) {
  return { type: "boolean", value: "", help } as const;
}

function helpOn([name, option]: [string, (typeof OPTIONS)[keyof typeof OPTIONS]]): string {
  const short = "short" in option ? `-${option.short}, ` : "";
  return `  ${`${short}--${name} ${option.value}`.padEnd(25)}${option.help}`.trimEnd();
}

/** What was asked for is not to be had; the message says what would be. */
export class UsageError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws UsageError. "help" and "version" ask for nothing but that. */
export function commandOptions(
  args: readonly string[],
  environment: Environment,
): CommandOptions | "help" | "version" {
  const values = parsed(args);
  if (values.help) return "help";
  if (values.version) return "version";
  const defaultPort = values.tls === undefined ? DEFAULT_PORT : DEFAULT_TLS_PORT;
  return {
    host: hostOf(values.host ?? "127.0.0.1"),
    port: portOf(values.port, "port", environment, defaultPort),
    httpPort: portOf(values["http-port"], "http-port", environment, DEFAULT_WEB_PORT),
    names: (values["allow-host"] ?? []).map(nameOf),
    file: pathOf(values.file, "file", "a file"),
    tls: pathOf(values.tls, "tls", "a folder"),
    data: pathOf(values.data, "data", "a folder"),
    weather: {
      latency: numberOf(values.latency ?? "0", "latency", 60_000),
      drop: numberOf(values.drop ?? "0", "drop", 100) / 100,
      refuse: numberOf(values.refuse ?? "0", "refuse", 100) / 100,
      createLater: numberOf(values["create-later"] ?? "0", "create-later", 60_000),
      noQos2: values["no-qos-2"] ?? false,
      noRetainedWildcards: values["no-retained-wildcards"] ?? false,
      slashDots: values["slash-dots"] ?? false,
      mqtt3Only: values["mqtt-3-only"] ?? false,
    },
    keep: keepOf(values.keep ?? String(DEFAULT_KEEP)),
    quiet: values.quiet ?? false,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: withNegativeNumbers(args), options: OPTIONS }).values;
  } catch (cause) {
    // What more it says is how to write what would not be accepted either.
    const [fault = ""] = (cause as Error).message.split(/\.?(?:\n|$)/);
    throw new UsageError(`${fault}. See m1-sandbox --help`, { cause });
  }
}

/** `--latency -5` as `--latency=-5`: what is wrong with it is the number, not how it is written. */
function withNegativeNumbers(args: readonly string[]): string[] {
  const words: string[] = [];
  for (const arg of args) {
    const isValue = /^-\d/.test(arg) && words.at(-1)?.startsWith("--");
    words.push(isValue ? `${words.pop()}=${arg}` : arg);
  }
  return words;
}

function hostOf(text: string): string {
  if (text === "localhost") return "127.0.0.1";
  if (isIP(text) !== 0) return text;
  throw wrong("--host", text, "an IP address of this computer");
}

function nameOf(text: string): string {
  if (/^[a-z\d]([\w.-]*[a-z\d])?$/i.test(text)) return text;
  throw wrong("--allow-host", text, "a host name, without a port");
}

function portOf(
  given: string | undefined,
  option: "port" | "http-port",
  environment: Environment,
  absent: number,
): number {
  const variable = option === "port" ? "M1_SANDBOX_PORT" : "M1_SANDBOX_HTTP_PORT";
  const text = given ?? (environment[variable] || String(absent));
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  const name = given === undefined ? variable : `--${option}`;
  throw wrong(name, text, "a number from 0 to 65535");
}

function numberOf(text: string, option: string, most: number): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (number <= most) return number;
  throw wrong(`--${option}`, text, `a number from 0 to ${most}`);
}

function keepOf(text: string): number {
  const number = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= MOST_KEPT) return number;
  throw wrong("--keep", text, `a whole number from 1 to ${MOST_KEPT}`);
}

function pathOf(text: string | undefined, option: string, what: string): string | undefined {
  if (text === undefined || text.trim() !== "") return text;
  throw wrong(`--${option}`, text, what);
}

function wrong(name: string, text: string, expected: string): UsageError {
  const value = text.trim() === "" ? "blank" : text;
  return new UsageError(`${name} is ${value}; it must be ${expected}`);
}
