// The connection test of the dialog: one answer for each way it can end, and nothing left behind.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { testConnection } from "../../nodes/connection/connection-test";
import type { ConnectionSettings } from "../../nodes/connection/mqtt-client";
import { type BrokerUrl, parseBrokerUrl } from "../../nodes/protocol/broker-url";
import type { M1Error } from "../../nodes/protocol/errors";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { type Certificate, certificate, REFUSED_CERTIFICATES } from "../support/certificates";
import { OWN, type RawServer, rawServer, WHO } from "../support/connections";
import { type Reply, type Script, ScriptedBroker, stopBrokers } from "../support/scripted-broker";

const servers: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await stopBrokers();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(...server: Parameters<typeof rawServer>): Promise<RawServer> {
  const started = await rawServer(...server);
  servers.push(started);
  return started;
}

async function sandboxWith(options: ConstructorParameters<typeof Sandbox>[0]): Promise<Sandbox> {
  const sandbox = new Sandbox({ port: 0, recordWire: true, ...options });
  await sandbox.start();
  servers.push(sandbox);
  return sandbox;
}

function settingsFor(url: string, settings: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    brokers: [parseBrokerUrl(url)],
    identity: WHO,
    username: OWN,
    password: `${DEMO_ACCOUNT.apiKey}/${DEMO_ACCOUNT.userPassword}`,
    clientId: "the-real-one",
    protocolVersion: 4,
    keepalive: 60,
    cleanSession: false,
    sendRate: Number.POSITIVE_INFINITY,
    tls: {},
    ...settings,
  };
}

async function failureOf(
  url: string,
  settings?: Partial<ConnectionSettings>,
  deadline?: number,
): Promise<M1Error> {
  const [result] = await testConnection(settingsFor(url, settings), deadline);
  if (!result?.error) throw new Error("the trial succeeded");
  assert.doesNotMatch(result.error.message, /undefined|__/);
  return result.error;
}

describe("a trial that succeeds", () => {
  it("tells the round trip, over TLS too", async () => {
    const tls = certificate();
    const sandbox = await sandboxWith({ tls });
    const settings = settingsFor(sandbox.url, { tls: { ca: tls.cert } });
    const [{ roundTrip = 0, broker } = { broker: "none" }] = await testConnection(settings);
    assert.ok(roundTrip > 0, `${roundTrip} ms`);
    assert.equal(broker, sandbox.url);
  });

  it("subscribes to what every user may have, publishes nothing, and says goodbye", async () => {
    const sandbox = await sandboxWith({});
    const gone = once(sandbox, "disconnected");
    await testConnection(settingsFor(sandbox.url));
    await gone;
    const commands = sandbox.wire.flatMap(({ cmd }) =>
      ["connect", "subscribe", "publish", "disconnect"].includes(cmd) ? [cmd] : [],
    );
    assert.deepEqual(commands, ["connect", "subscribe", "disconnect"]);
    assert.deepEqual(sandbox.clients, []);
  });

  it("keeps no session and leaves the client with the real id alone", async () => {
    const sandbox = await sandboxWith({});
    await testConnection(settingsFor(sandbox.url));
    await testConnection(settingsFor(sandbox.url, { clientId: "x".repeat(32) }));
    const [first, second] = sandbox.wire.flatMap((packet) =>
      packet.cmd === "connect" ? [packet] : [],
    );
    assert.match(first?.clientId ?? "", /^the-real-one-test-\w{6}$/);
    assert.match(second?.clientId ?? "", /^x{20}-test-\w{6}$/);
    assert.equal(first?.clean, true);
  });

  it("speaks MQTT 5 if it is to", async () => {
    const broker = await ScriptedBroker.start();
    await testConnection(settingsFor(broker.url, { protocolVersion: 5 }));
    const [connect] = broker.packets;
    assert.equal(connect?.cmd === "connect" && connect.protocolVersion, 5);
  });
});

describe("a trial of MQTT 5", () => {
  const knowsOnly3 =
    (answer: (reply: Reply, socket: Socket) => void): Script =>
    (packet, reply, socket) => {
      const is5 = packet.cmd === "connect" && packet.protocolVersion === 5;
      if (is5) answer(reply, socket);
      return is5;
    };
  const refusals: [string, (reply: Reply, socket: Socket) => void][] = [
    ["closes the connection", (_reply, socket) => socket.destroy()],
    ["says so", (reply) => reply({ cmd: "connack", reasonCode: 132, sessionPresent: false })],
  ];
  for (const [title, answer] of refusals) {
    it(`tries MQTT 3.1.1 where the broker ${title}, and says that it works`, async () => {
      const broker = await ScriptedBroker.start(knowsOnly3(answer));
      const failure = await failureOf(broker.url, { protocolVersion: 5 });
      assert.equal(failure.code, "ONLY_MQTT_3");
      assert.match(failure.message, /works with MQTT 3\.1\.1/i);
    });
  }

  it("tells what is wrong in MQTT 3.1.1, too", async () => {
    const sandbox = await sandboxWith({});
    const failure = await failureOf(sandbox.url, { protocolVersion: 5, password: "a/b" });
    assert.equal(failure.code, "NOT_AUTHORISED");
  });

  it("does not blame the version where nothing speaks MQTT", async () => {
    const { url } = await serve((socket) => socket.end());
    assert.equal((await failureOf(url, { protocolVersion: 5 })).code, "MQTT_NOT_SPOKEN");
  });
});

describe("a trial of several addresses", () => {
  it("has a result for each, in their order, in the time of one", async () => {
    const sandbox = await sandboxWith({});
    const silent = await serve((socket) => socket.resume());
    const { url: dead, stop } = await rawServer();
    await stop();
    const brokers = [dead, silent.url, silent.url, sandbox.url].map(parseBrokerUrl);
    const results = await testConnection(
      settingsFor(dead, { brokers: brokers as [BrokerUrl, ...BrokerUrl[]] }),
      300,
    );
    assert.deepEqual(
      results.map(({ broker, error, roundTrip }) => [broker, error?.code ?? typeof roundTrip]),
      [
        [dead, "REFUSED"],
        [silent.url, "TIMED_OUT"],
        [silent.url, "TIMED_OUT"],
        [sandbox.url, "number"],
      ],
    );
  });
});

describe("a trial that fails", () => {
  let authority: Certificate;
  before(() => {
    authority = certificate();
  });

  it("knows a host that does not exist", async () => {
    assert.equal((await failureOf("mqtt://name.invalid:1883")).code, "HOST_NOT_FOUND");
  });

  it("knows a port on which nothing listens", async () => {
    const { url, stop } = await rawServer();
    await stop();
    assert.equal((await failureOf(url)).code, "REFUSED");
  });

  it("knows a server that says nothing, and hangs up on it", async () => {
    let hungUp: Promise<unknown> | undefined;
    const { url } = await serve((socket) => {
      socket.resume();
      hungUp = once(socket, "close");
    });
    assert.equal((await failureOf(url, {}, 100)).code, "TIMED_OUT");
    await hungUp;
  });

  it("knows a broker that lets it in and then says nothing", async () => {
    const broker = await ScriptedBroker.start(({ cmd }) => cmd === "subscribe");
    assert.equal((await failureOf(broker.url, {}, 100)).code, "TIMED_OUT");
  });

  for (const { title, code, trusted, made } of REFUSED_CERTIFICATES) {
    it(`knows a certificate that is ${title}`, async () => {
      const sandbox = await sandboxWith({ tls: made(authority) });
      const tls = trusted ? { ca: authority.cert } : {};
      assert.equal((await failureOf(sandbox.url, { tls })).code, code);
      assert.deepEqual(sandbox.wire, []);
    });
  }

  it("knows a port without TLS", async () => {
    const sandbox = await sandboxWith({});
    const failure = await failureOf(sandbox.url.replace("mqtt:", "mqtts:"));
    assert.equal(failure.code, "TLS_NOT_SPOKEN");
  });

  const others: [string, Parameters<typeof rawServer>[0]][] = [
    ["hangs up", (socket) => socket.end()],
    ["resets", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ];
  for (const [title, onSocket] of others) {
    it(`knows a port that does not speak MQTT: it ${title}`, async () => {
      assert.equal((await failureOf((await serve(onSocket)).url)).code, "MQTT_NOT_SPOKEN");
    });
  }

  it("knows a port that wants TLS and gets none", async () => {
    const sandbox = await sandboxWith({ tls: authority });
    const failure = await failureOf(sandbox.url.replace("mqtts:", "mqtt:"));
    assert.equal(failure.code, "MQTT_NOT_SPOKEN");
  });

  it("knows a broker that hangs up on the subscription", async () => {
    const broker = await ScriptedBroker.start(({ cmd }, _reply, socket) => {
      if (cmd === "subscribe") socket.end();
      return cmd === "subscribe";
    });
    assert.equal((await failureOf(broker.url)).code, "CONNECTION_CLOSED");
  });

  it("knows wrong credentials, and does not repeat them", async () => {
    const sandbox = await sandboxWith({});
    const failure = await failureOf(sandbox.url, { password: "DEMO0KEY/secret" });
    assert.equal(failure.code, "NOT_AUTHORISED");
    assert.doesNotMatch(JSON.stringify(failure.details), /DEMO0KEY|secret/);
  });

  it("knows a refused client id", async () => {
    const broker = await ScriptedBroker.start(({ cmd }, reply) => {
      if (cmd !== "connect") return false;
      reply({ cmd: "connack", returnCode: 2, sessionPresent: false });
      return true;
    });
    assert.equal((await failureOf(broker.url)).code, "CLIENT_ID_REFUSED");
  });

  for (const protocolVersion of [4, 5] as const) {
    it(`knows a user that may not subscribe, in MQTT ${protocolVersion}`, async () => {
      const broker = await ScriptedBroker.start((packet, reply) => {
        if (packet.cmd !== "subscribe") return false;
        const granted = [protocolVersion === 5 ? 135 : 128];
        reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
        return true;
      });
      const failure = await failureOf(broker.url, { protocolVersion });
      assert.equal(failure.code, "SUBSCRIPTION_REFUSED");
      assert.equal(failure.details.filter, "1/demo-project/demo-user/#");
      assert.equal(broker.sockets.size, 0);
    });
  }

  it("knows a key that does not belong to its certificate", async () => {
    const { url } = await serve(undefined, authority);
    const tls = { key: certificate().key, cert: authority.cert };
    assert.equal((await failureOf(url, { tls })).code, "TLS_FAILED");
  });
});
