// Where clients come in: one port of this computer, as plain TCP, TLS or WebSocket.
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { createWebSocketStream, WebSocketServer } from "ws";

export interface ListenOptions {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined;
  readonly websocket: boolean;
}

export interface Visitors {
  /** `address` is the client's IP address. A WebSocket that breaks fails with a code of the package ws. */
  readonly arrived: (stream: Duplex, address: string) => void;
  /** A WebSocket without the subprotocol mqtt; it has been turned away. */
  readonly strayed: () => void;
  /** A TLS handshake that did not succeed, with OpenSSL's reason or the system's. */
  readonly untrusting: (reason: string) => void;
}

export interface Listener {
  readonly port: number;
  /** Lets no one in any more; `ended` cuts off who is still there and frees the port. */
  close(): { readonly ended: () => Promise<void> };
}

/** WebSocket status for data of a kind that is not understood (RFC 6455, 7.4.1). */
const WRONG_PROTOCOL = 1002;

/** Bytes of a WebSocket message, which may hold many packets. */
const LONGEST_MESSAGE = 16_000_000;

/** Whether only this computer reaches the address. */
export function isLoopback(host: string): boolean {
  return host === "::1" || /^127\./.test(host);
}

/** Rejects with the error of the system, EADDRINUSE among them. */
export async function listen(options: ListenOptions, visitors: Visitors): Promise<Listener> {
  const server = options.websocket ? webServer(options, visitors) : streamServer(options, visitors);
  server.on("tlsClientError", (error: Error & { readonly reason?: string }) => {
    visitors.untrusting(error.reason ?? error.message);
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const ended = async () => {
        for (const socket of sockets) socket.destroy();
        await closed;
      };
      return { ended };
    },
  };
}

function streamServer({ tls }: ListenOptions, { arrived }: Visitors): Server {
  const welcome = (socket: Socket) => arrived(socket, socket.remoteAddress ?? "");
  return tls
    ? createTlsServer({ key: tls.key, cert: tls.cert, noDelay: true }, welcome)
    : createTcpServer({ noDelay: true }, welcome);
}

function webServer({ tls }: ListenOptions, { arrived, strayed }: Visitors): HttpServer {
  const server = tls ? createHttpsServer({ key: tls.key, cert: tls.cert }) : createHttpServer();
  const sockets = new WebSocketServer({
    server,
    maxPayload: LONGEST_MESSAGE,
    handleProtocols: (offered) => (offered.has("mqtt") ? "mqtt" : false),
  });
  sockets.on("connection", (socket, request) => {
    if (socket.protocol === "mqtt") {
      arrived(createWebSocketStream(socket), request.socket.remoteAddress ?? "");
      return;
    }
    strayed();
    // It may break the rules of WebSocket before it has closed.
    socket.on("error", () => socket.terminate());
    socket.close(WRONG_PROTOCOL, "the subprotocol is mqtt");
  });
  return server;
}
