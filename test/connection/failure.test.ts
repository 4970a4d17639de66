// Why a connection failed, in a word that a user can act on: from real failures where they are cheap.
import { strict as assert } from "node:assert";
import { generate } from "mqtt-packet";
import {
  connectionFailure,
  disconnectFailure,
  needsAPerson,
  refusedEvent,
} from "../../nodes/connection/failure";
import type { ErrorCode, M1Error } from "../../nodes/protocol/errors";
import type { ProtocolVersion } from "../../nodes/protocol/settings";
import { Sandbox } from "../../sandbox/sandbox";
import { type Certificate, certificate, REFUSED_CERTIFICATES } from "../support/certificates";
import {
  closeConnections,
  enters,
  type OpenOptions,
  openConnection,
  type RawServer,
  rawServer,
  reaches,
} from "../support/connections";

const CONTEXT = {
  broker: { scheme: "mqtts", host: "broker.example", port: 61_620, path: "" },
  clientId: "client",
} as const;

const servers: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await closeConnections();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(...server: Parameters<typeof rawServer>): Promise<RawServer> {
  const started = await rawServer(...server);
  servers.push(started);
  return started;
}

/** Why the first attempt to connect failed. */
async function failureOf(server: { url: string }, options: OpenOptions = {}): Promise<M1Error> {
  const timing = { firstRetry: 60_000, longestRetry: 60_000, ...options.timing };
  const connection = openConnection(server, { ...options, timing });
  const { reason } = await reaches(connection, "offline");
  return reason;
}

describe("failure: the network", () => {
  it("knows a host that does not exist", async () => {
    const failure = await failureOf({ url: "mqtt://name.invalid:1883" });
    assert.equal(failure.code, "HOST_NOT_FOUND");
    assert.equal(failure.details.host, "name.invalid");
  });

  it("knows a port on which nothing listens", async () => {
    const { url, stop } = await rawServer();
    await stop();
    const failure = await failureOf({ url });
    assert.equal(failure.code, "REFUSED");
    assert.equal(failure.message, `Nothing listens at ${url}`);
  });

  it("knows a server that says nothing", async () => {
    const failure = await failureOf(await serve(), { timing: { connect: 50 } });
    assert.equal(failure.code, "TIMED_OUT");
  });

  it("knows a broker that hangs up, or resets, though it has accepted a connection before", async () => {
    for (const end of ["end", "resetAndDestroy"] as const) {
      const connack = generate({ cmd: "connack", returnCode: 0, sessionPresent: false });
      const broker = await serve((socket) => {
        if (broker.sockets.length === 1) socket.once("data", () => socket.end(connack));
        else socket.once("data", () => socket[end]());
      });
      const connection = openConnection(broker, {
        timing: { firstRetry: 5, longestRetry: 60_000 },
      });
      await enters(connection, "online");
      await enters(connection, "offline");
      const { reason } = await enters(connection, "offline");
      assert.equal(reason.code, end === "end" ? "CONNECTION_CLOSED" : "CONNECTION_LOST");
    }
  });
});

describe("failure: TLS", () => {
  let authority: Certificate;
  before(() => {
    authority = certificate();
  });

  for (const { title, code, trusted, made } of REFUSED_CERTIFICATES) {
    for (const scheme of ["mqtts", "wss"]) {
      it(`knows a certificate that is ${title}, over ${scheme}`, async () => {
        const { url } = await serve(undefined, made(authority));
        const tls = trusted ? { ca: authority.cert } : {};
        const failure = await failureOf(
          { url: url.replace("mqtts", scheme) },
          { settings: { tls } },
        );
        assert.equal(failure.code, code);
        assert.match(failure.message, new RegExp(scheme));
      });
    }
  }

  it("says so when a server does not speak TLS", async () => {
    const { url } = await serve((socket) => socket.write("220 welcome\r\n"));
    const failure = await failureOf({ url: url.replace("mqtt:", "mqtts:") });
    assert.equal(failure.code, "TLS_NOT_SPOKEN");
  });

  it("notices an MQTT broker without TLS that hangs up on TLS", async () => {
    const sandbox = new Sandbox({ port: 0 });
    await sandbox.start();
    servers.push(sandbox);
    const failure = await failureOf({ url: sandbox.url.replace("mqtt:", "mqtts:") });
    assert.equal(failure.code, "TLS_NOT_SPOKEN");
  });

  it("notices a server that wants TLS and gets none", async () => {
    const { url } = await serve(undefined, authority);
    const failure = await failureOf({ url: url.replace("mqtts:", "mqtt:") });
    assert.equal(failure.code, "MQTT_NOT_SPOKEN");
    assert.match(failure.message, /may be for TLS/);
  });

  it("says so when key and certificate do not belong together", async () => {
    const { url } = await serve(undefined, authority);
    const tls = { key: certificate().key, cert: authority.cert };
    for (const scheme of ["mqtts", "wss"]) {
      const failure = await failureOf({ url: url.replace("mqtts", scheme) }, { settings: { tls } });
      assert.equal(failure.code, "TLS_FAILED", scheme);
    }
  });
});

describe("failure: CONNACK", () => {
  const refusing = (code: number, protocolVersion: ProtocolVersion) => {
    const connack = { returnCode: code, reasonCode: code, sessionPresent: false };
    const packet = generate({ cmd: "connack", ...connack }, { protocolVersion });
    return serve((socket) => socket.once("data", () => socket.end(packet)));
  };
  const cases: [ProtocolVersion, number, ErrorCode][] = [
    [4, 1, "PROTOCOL_REFUSED"],
    [4, 2, "CLIENT_ID_REFUSED"],
    [4, 3, "BROKER_UNAVAILABLE"],
    [4, 4, "NOT_AUTHORISED"],
    [4, 5, "NOT_AUTHORISED"],
    [5, 132, "PROTOCOL_REFUSED"],
    [5, 133, "CLIENT_ID_REFUSED"],
    [5, 134, "NOT_AUTHORISED"],
    [5, 135, "NOT_AUTHORISED"],
    [5, 136, "BROKER_UNAVAILABLE"],
    [5, 137, "BROKER_UNAVAILABLE"],
    [5, 138, "NOT_AUTHORISED"],
    [5, 159, "BROKER_UNAVAILABLE"],
  ];
  for (const [protocolVersion, code, expected] of cases) {
    it(`of MQTT ${protocolVersion === 4 ? "3.1.1" : "5"} with ${code} is ${expected}`, async () => {
      const server = await refusing(code, protocolVersion);
      const failure = await failureOf(server, { settings: { protocolVersion } });
      assert.equal(failure.code, expected);
      assert.doesNotMatch(failure.message, /undefined|__/);
    });
  }

  it("asks for a person where trying again will not help", () => {
    const codes = [1, 2, 3, 4, 5, 132, 133, 134, 135, 136, 137, 138];
    const asking = codes.filter((code) => {
      const cause = Object.assign(new Error("refused"), { code });
      return needsAPerson(connectionFailure(cause, CONTEXT));
    });
    assert.deepEqual(asking, [1, 2, 4, 5, 132, 133, 134, 135, 138]);
  });
});

describe("failure: words", () => {
  const cases: [string, ErrorCode][] = [
    ["ENOTFOUND", "HOST_NOT_FOUND"],
    ["EAI_AGAIN", "HOST_NOT_FOUND"],
    ["ECONNREFUSED", "REFUSED"],
    ["ETIMEDOUT", "TIMED_OUT"],
    ["ECONNRESET", "CONNECTION_LOST"],
    ["EPIPE", "CONNECTION_LOST"],
    ["EHOSTUNREACH", "UNREACHABLE"],
    ["ENETUNREACH", "UNREACHABLE"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "CERTIFICATE_SELF_SIGNED"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "CERTIFICATE_UNTRUSTED"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERTIFICATE_UNTRUSTED"],
    ["UNABLE_TO_GET_ISSUER_CERT", "CERTIFICATE_UNTRUSTED"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CERTIFICATE_UNTRUSTED"],
    ["CERT_UNTRUSTED", "CERTIFICATE_UNTRUSTED"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "CERTIFICATE_WRONG_HOST"],
    ["CERT_HAS_EXPIRED", "CERTIFICATE_EXPIRED"],
    ["CERT_NOT_YET_VALID", "CERTIFICATE_NOT_YET_VALID"],
    ["EPROTO", "TLS_FAILED"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "TLS_NOT_SPOKEN"],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "TLS_NOT_SPOKEN"],
    ["ERR_TLS_INVALID_PROTOCOL_VERSION", "TLS_FAILED"],
    ["ERR_OSSL_PEM_NO_START_LINE", "TLS_FAILED"],
  ];
  for (const [code, expected] of cases) {
    it(`for ${code} are those of ${expected}`, () => {
      const cause = Object.assign(new Error("what happened"), { code });
      const failure = connectionFailure(cause, CONTEXT);
      assert.equal(failure.code, expected);
      assert.equal(failure.cause, cause);
      assert.doesNotMatch(failure.message, /__/);
    });
  }

  it("give the code where the system gives no words", () => {
    // As for a name with two addresses, neither of which can be reached.
    const cause = Object.assign(new AggregateError([]), { code: "EHOSTUNREACH" });
    const { message } = connectionFailure(cause, CONTEXT);
    assert.equal(message, "mqtts://broker.example:61620 cannot be reached: EHOSTUNREACH");
  });

  it("exist for whatever is thrown", () => {
    for (const cause of [
      "text",
      undefined,
      null,
      5,
      {},
      Object.assign(new Error("x"), { code: {} }),
    ]) {
      const failure = connectionFailure(cause, CONTEXT);
      assert.equal(failure.code, "CONNECTION_LOST");
      assert.doesNotMatch(failure.message, /__/);
    }
  });

  it("of a lost keep-alive are its own", () => {
    const failure = connectionFailure(new Error("Keepalive timeout"), CONTEXT);
    assert.equal(failure.code, "KEEPALIVE_LOST");
  });

  it("of a DISCONNECT give its reason, or its number if it is unknown", () => {
    assert.equal(
      disconnectFailure(139).message,
      "The broker is not available: Server shutting down",
    );
    assert.equal(disconnectFailure(129).message, "The connection was lost: Malformed Packet");
    assert.equal(disconnectFailure(142).code, "TAKEN_OVER");
    assert.equal(disconnectFailure(200).message, "The connection was lost: 0xc8");
    assert.equal(disconnectFailure(0).message, "The broker closed the connection");
  });

  it("of a refused event give the broker's reason", () => {
    const refused = (code: unknown) =>
      refusedEvent(Object.assign(new Error("Publish error"), { code }));
    assert.equal(refused(151).code, "EVENT_REFUSED");
    assert.equal(refused(151).details.reason, "Quota exceeded");
    assert.equal(refused(200).details.reason, "0xc8");
    assert.equal(refused(undefined).details.reason, "Publish error");
  });
});
