// The server for HTTP of a sandbox, on a port of its own.
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { isLoopback } from "../broker/listener";
import { ownNames } from "../command/reachable";
import type { Sandbox } from "../sandbox";
import { SandboxError } from "../sandbox-error";
import { Feeds } from "./console/feeds";

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
  const feeds = new Feeds(sandbox);
  let app: RequestListener | undefined;
  const server = createServer((request, response) => {
    app ??= loaded().requestListener(sandbox, feeds, allowed, now);
    app(request, response);
  });
  await listening(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    port: actual,
    url: `http://${host.includes(":") ? `[${host}]` : host}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        feeds.close();
        server.closeAllConnections();
      }),
  };
}

/** With the first request: Node takes some 40 ms to load the Request and Response that hono needs. */
function loaded(): typeof import("./app") {
  return require("./app");
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
