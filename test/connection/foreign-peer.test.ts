// An address at which no broker listens: what does is named, by the test of the dialog and by a connection alike.
import { strict as assert } from "node:assert";
import { createServer, type RequestListener } from "node:http";
import { createServer as createEncryptedServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { WebSocketServer } from "ws";
import { testConnection } from "../../nodes/connection/connection-test";
import type { ErrorCode, M1Error } from "../../nodes/protocol/errors";
import { Sandbox } from "../../sandbox/sandbox";
import { certificate } from "../support/certificates";
import { closeConnections, openConnection, rawServer, reaches } from "../support/connections";

type Peer = () => Promise<number>;

/** Words that are no user's. */
const RAW = /socket hang up|Unexpected|Parse Error|E[A-Z]{5,}|header flag|undefined|__/;

const tls = certificate();
const stops: (() => unknown)[] = [];

afterEach(async () => {
  await closeConnections();
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const webServer =
  (answer: RequestListener, encrypted = false): Peer =>
  () => {
    const server = encrypted ? createEncryptedServer(tls, answer) : createServer(answer);
    stops.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return listening(server);
  };

const answering = (status: number): Peer =>
  webServer((_request, response) => {
    response.writeHead(status, { location: "https://127.0.0.1/elsewhere" }).end("words");
  });

const raw =
  (...server: Parameters<typeof rawServer>): Peer =>
  async () => {
    const { port, stop } = await rawServer(...server);
    stops.push(stop);
    return port;
  };

const banner = raw((socket) => socket.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"));
const closing = raw((socket) => socket.end());
const resetting = raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
const alerting = raw((socket) =>
  socket.once("data", () => socket.end("\x15\x03\x01\x00\x02\x02\x46", "latin1")),
);

const sandbox: Peer = async () => {
  const started = new Sandbox({ port: 0 });
  await started.start();
  stops.push(() => started.stop());
  return started.port;
};

const webSocketServer =
  (options: object): Peer =>
  async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
    server.on("connection", (socket) => socket.send("hello"));
    await new Promise((resolve) => server.once("listening", resolve));
    stops.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  };

const peers: [scheme: string, what: string, Peer, ErrorCode][] = [
  ["mqtt", "a web server", answering(200), "WEB_SERVER"],
  [
    "mqtts",
    "a web server with TLS",
    webServer((_, response) => response.end(), true),
    "WEB_SERVER",
  ],
  ["mqtt", "a server that wants TLS and says so", alerting, "TLS_NEEDED"],
  ["mqtt", "a server that wants TLS", raw(undefined, tls), "MQTT_NOT_SPOKEN"],
  ["mqtt", "a server that greets as SSH does", banner, "MQTT_NOT_SPOKEN"],
  ["mqtt", "a server that closes at once", closing, "MQTT_NOT_SPOKEN"],
  ["mqtt", "a server that resets", resetting, "MQTT_NOT_SPOKEN"],
  [
    "mqtts",
    "a server with TLS that closes at once",
    raw((socket) => socket.end(), tls),
    "MQTT_NOT_SPOKEN",
  ],
  ["mqtts", "a web server without TLS", answering(200), "TLS_NOT_SPOKEN"],
  ["mqtts", "a broker without TLS", sandbox, "TLS_NOT_SPOKEN"],
  ["mqtts", "a server that greets as SSH does", banner, "TLS_NOT_SPOKEN"],
  ["mqtts", "a server that closes at once", closing, "TLS_NOT_SPOKEN"],
  ["mqtts", "a server that resets", resetting, "TLS_NOT_SPOKEN"],
  ["ws", "a web server without that page", answering(404), "WEBSOCKET_NOT_FOUND"],
  ["ws", "a web server with a page there", answering(200), "WEBSOCKET_REFUSED"],
  ["ws", "a web server that refuses the request", answering(400), "WEBSOCKET_REFUSED"],
  ["ws", "a web server with a login", answering(401), "WEBSOCKET_LOGIN"],
  ["ws", "a web server that forbids it", answering(403), "WEBSOCKET_LOGIN"],
  ["ws", "a web server that sends on", answering(301), "WEBSOCKET_MOVED"],
  ["ws", "a web server whose broker is down", answering(502), "WEBSOCKET_UNAVAILABLE"],
  ["ws", "a server that closes at once", closing, "HTTP_NOT_SPOKEN"],
  ["ws", "a server that resets", resetting, "MQTT_NOT_SPOKEN"],
  ["ws", "a server that greets as SSH does", banner, "HTTP_NOT_SPOKEN"],
  ["ws", "a server that wants TLS", raw(undefined, tls), "HTTP_NOT_SPOKEN"],
  ["ws", "a broker without WebSocket", sandbox, "HTTP_NOT_SPOKEN"],
  [
    "ws",
    "a WebSocket for something else",
    webSocketServer({ handleProtocols: () => false }),
    "WEBSOCKET_NOT_MQTT",
  ],
  ["ws", "a WebSocket that says something else", webSocketServer({}), "MQTT_NOT_SPOKEN"],
  ["wss", "a web server without TLS", answering(200), "TLS_NOT_SPOKEN"],
  ["wss", "a server that closes at once", closing, "TLS_NOT_SPOKEN"],
];

describe("an address without a broker", () => {
  for (const [scheme, what, peer, code] of peers) {
    it(`is known by ${scheme}:// as ${what}`, async () => {
      const server = { url: `${scheme}://127.0.0.1:${await peer()}` };
      const settings = { tls: { ca: tls.cert } };
      const timing = { firstRetry: 60_000, longestRetry: 60_000 };
      const connection = openConnection(server, { settings, timing });
      check((await reaches(connection, "offline")).reason, code);
      const [result] = await testConnection(connection.settings);
      check(result?.error, code);
    });
  }
});

function check(failure: M1Error | undefined, code: ErrorCode): void {
  assert.equal(failure?.code, code, failure?.message);
  assert.doesNotMatch(failure.message, RAW);
  assert.match(failure.message, /:\/\/127\.0\.0\.1:\d+/);
}
