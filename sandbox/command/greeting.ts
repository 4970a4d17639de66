// What the command prints when the sandbox listens: where, who may log in, and what to try first.
import { type Account, DEMO_ACCOUNT, DEMO_REGISTRATION, loginIdOf } from "../cloud/accounts";
import type { Web } from "../http/web";
import type { Sandbox } from "../sandbox";
import { elsewhere, reachable } from "./reachable";

export interface Place {
  readonly sandbox: Sandbox;
  readonly web: Web;
  /** Of the certificate that clients must trust, if it speaks TLS. */
  readonly certificate: string | undefined;
  /** The folder in which it keeps what outlives it, if it does. */
  readonly data: string | undefined;
}

export function greeting(place: Place): string {
  const { sandbox, web, certificate, data } = place;
  const weather = sandbox.weather.words;
  return [
    `A local Medium One listens at ${reachable(sandbox.url)}. Ctrl-C ends it.`,
    table([
      ["Console", `${reachable(web.url)}    open it to watch, and to send`],
      ["REST API", `${reachable(web.url)}/v2`],
      ...[...elsewhere(web.url), ...elsewhere(sandbox.url)].map(
        (url, index) => [index === 0 ? "From elsewhere" : "", url] as const,
      ),
      ...(certificate ? [["Certificate", `${certificate}    for clients to trust`] as const] : []),
      ...(data ? [["Data", `${data}    what is kept there outlives the sandbox`] as const] : []),
      ...(weather.length > 0 ? [["Weather", weather.join(", ")] as const] : []),
    ]),
    ...(sandbox.accounts.includes(DEMO_ACCOUNT) ? demo(place) : users(sandbox.accounts)),
  ].join("\n\n");
}

/** Where a client on this computer finds what listens at `url`. */
function hostOf(url: string): string {
  return new URL(reachable(url)).hostname.replace(/^\[(.*)\]$/, "$1");
}

function demo({ sandbox, certificate }: Place): string[] {
  const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
  const secure = certificate ? ` --cafile ${certificate}` : "";
  const login = `-h ${hostOf(sandbox.url)} -p ${sandbox.port}${secure} -u ${projectMqtt}/${userMqtt} -P ${apiKey}/${userPassword}`;
  return [
    table([
      ["Project MQTT ID", projectMqtt],
      ["User MQTT ID", userMqtt],
      ["API key", apiKey],
      ["User password", userPassword],
      ["Login ID", `${loginIdOf(DEMO_ACCOUNT)}    for the REST API`],
      ["Registration", `${loginIdOf(DEMO_REGISTRATION)}    creates users; its password is`],
      ["", DEMO_REGISTRATION.userPassword],
    ]),
    "Send an event, as the device demo-device:",
    `  mosquitto_pub ${login} -q 1 -t 0/${projectMqtt}/${userMqtt}/demo-device -m '{"event_data":{"temperature":31}}'`,
    "Receive what is sent to the devices and groups:",
    `  mosquitto_sub ${login} -q 1 -v -t '1/${projectMqtt}/${userMqtt}/#' -t '2/${projectMqtt}/#'\n`,
  ];
}

/** Of a file, which holds their secrets. */
function users(accounts: readonly Account[]): string[] {
  const names = accounts.map(({ projectMqtt, userMqtt }) => `  ${projectMqtt}/${userMqtt}`);
  return ["Who may log in:", `${[...new Set(names)].join("\n")}\n`];
}

function table(rows: readonly (readonly [name: string, value: string])[]): string {
  return rows.map(([name, value]) => `  ${name.padEnd(17)} ${value}`).join("\n");
}
