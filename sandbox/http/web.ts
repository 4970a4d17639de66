// The sandbox over HTTP: the REST API under /v2, the console everywhere else.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { excerpt } from "../../nodes/protocol/errors";
import { isLoopback } from "../broker/listener";
import { ownNames } from "../command/reachable";
import type { Sandbox } from "../sandbox";
import { SandboxError } from "../sandbox-error";
import { Console } from "./console/console";
import { type Answer, type Call, COMMON_HEADERS, Declined, json, type Streaming } from "./exchange";
import { guard } from "./guard";
import { page } from "./page";
import { Rest } from "./rest/rest";

/** Beside Medium One's MQTT ports, 61619 and 61620; the cloud's own REST API is at 443. */
export const DEFAULT_WEB_PORT = 61_680;

export interface WebOptions {
  /** 127.0.0.1 unless told. */
  readonly host?: string;
  /** 0 is any free port. */
  readonly port?: number;
  /**
   * What it is called besides localhost, by its IP addresses and, when the network is let in, by the
   * names of this computer. A request under any other name is refused.
   */
  readonly names?: readonly string[];
  /** Milliseconds since 1970; how long logins last is measured by it. */
  readonly now?: () => number;
}

export interface Web {
  readonly port: number;
  /** `http://127.0.0.1:61680`, without a slash at its end. */
  readonly url: string;
  /** Ends every request and frees the port. */
  close(): Promise<void>;
}

/** Opens the door for HTTP to a sandbox. Rejects with SandboxError PORT_TAKEN or LISTEN_FAILED. */
export async function openWeb(sandbox: Sandbox, options: WebOptions = {}): Promise<Web> {
  const { host = "127.0.0.1", port = DEFAULT_WEB_PORT, names = [], now } = options;
  const own = isLoopback(host) ? names : [...ownNames(), ...names];
  const allowed = new Set(own.map((name) => name.toLowerCase()));
  const doors = { rest: new Rest(sandbox, now), console: new Console(sandbox) };
  const route = async (call: Call) => {
    guard(call, allowed);
    if (call.path[0] === "v2" && sandbox.weather.refuses()) throw Declined.because(503, "WEATHER");
    if (call.path[0] === "v2") return doors.rest.answer(call);
    return call.path[0] === "console" ? doors.console.answer(call) : page(call);
  };
  const server = createServer((request, response) => {
    void respond(sandbox, request, response, route);
  });
  await listening(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    port: actual,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        doors.console.close();
        server.closeAllConnections();
      }),
  };
}

async function listening(server: Server, host: string, port: number): Promise<void> {
  const listens = once(server, "listening");
  server.listen({ host, port });
  try {
    await listens;
  } catch (error) {
    throw SandboxError.cannotListen(error, host, port);
  }
}

/** Every request is answered, and what is declined is on record. */
async function respond(
  sandbox: Sandbox,
  request: IncomingMessage,
  response: ServerResponse,
  route: (call: Call) => Promise<Answer | Streaming>,
): Promise<void> {
  try {
    const answer = await route(callOf(request));
    if ("stream" in answer) await answer.stream(response);
    else send(response, answer);
  } catch (error) {
    if (error instanceof Declined) decline(sandbox, request, response, error);
    else fail(sandbox, request, response, error as Error);
  }
}

function decline(
  sandbox: Sandbox,
  request: IncomingMessage,
  response: ServerResponse,
  { status, refused, headers }: Declined,
): void {
  const topic = excerpt(`${request.method} ${request.url?.split("?")[0]}`, 200);
  sandbox.refuse({ what: "request", topic, status }, refused);
  const said = json({ error: refused.message, code: refused.code }, status);
  // What is left of a body that nobody reads would be taken for the next request.
  const ending = request.complete ? undefined : { connection: "close" };
  send(response, { ...said, headers: { ...said.headers, ...headers, ...ending } });
}

function fail(
  sandbox: Sandbox,
  request: IncomingMessage,
  response: ServerResponse,
  error: Error,
): void {
  // A client that hung up in the middle of its body is no fault.
  if (request.destroyed && !request.complete) return;
  if (response.headersSent) response.destroy();
  else send(response, json({ error: "The sandbox failed; see its own output" }, 500));
  sandbox.emit("error", error);
}

function callOf(request: IncomingMessage): Call {
  const { method = "GET", url = "/" } = request;
  const [pathname = "", ...query] = url.split("?");
  const path = pathname.split("/").filter((segment) => segment !== "");
  return { method, path: path.map(decoded), query: new URLSearchParams(query.join("?")), request };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, {
    ...headers,
    ...COMMON_HEADERS,
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
