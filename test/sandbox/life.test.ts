// How a sandbox starts and ends, and what it tells of its clients on the way.

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { generate } from "mqtt-packet";
import { WebSocket } from "ws";
import { selfSigned } from "../../sandbox/command/certificate";
import { Sandbox } from "../../sandbox/sandbox";
import { closed, connect, connectBytes, EVENT, eachWithSandbox, endClients, OWN } from "./clients";

describe("sandbox: life", () => {
  const context = eachWithSandbox({ recordWire: true });

  it("names where it listens", () => {
    const { sandbox } = context;
    assert.ok(sandbox.port > 0);
    assert.equal(sandbox.url, `mqtt://127.0.0.1:${sandbox.port}`);
    assert.equal(new Sandbox().url, "mqtt://127.0.0.1:61619");
  });

  it("says so when its port is taken, and can start once it is free", async () => {
    const { port } = context.sandbox;
    const second = new Sandbox({ port });
    await assert.rejects(second.start(), {
      name: "SandboxError",
      code: "PORT_TAKEN",
      message: `Another program listens on port ${port} of 127.0.0.1`,
    });
    await context.sandbox.stop();
    await second.start();
    await second.stop();
  });

  it("ends every connection when it stops, also those that never said CONNECT", async () => {
    const client = await connect(context.sandbox);
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    await once(socket, "connect");
    const ends = Promise.all([closed(client), once(socket, "close")]);
    await context.sandbox.stop();
    await ends;
    assert.deepEqual(context.sandbox.clients, []);
  });

  it("starts and stops as often as it is told", async () => {
    const { sandbox } = context;
    await Promise.all([sandbox.stop(), sandbox.stop(), sandbox.start(), sandbox.start()]);
    await connect(sandbox);
    await sandbox.stop();
    await sandbox.stop();
    await assert.rejects(sandbox.sendDeviceEvent("d", "x"), { code: "NOT_RUNNING" });
  });

  it("cuts the connection of a client that is kicked", async () => {
    const client = await connect(context.sandbox, { clientId: "kicked" });
    const disconnected = context.sandbox.next("disconnected");
    const isClosed = closed(client);
    assert.equal(context.sandbox.kick("kicked"), true);
    await isClosed;
    const { graceful, reason } = await disconnected;
    assert.deepEqual({ graceful, reason }, { graceful: false, reason: undefined });
    assert.equal(context.sandbox.kick("kicked"), false);
  });

  it("tells why it ended a connection that fell silent", async () => {
    const { sandbox } = context;
    const disconnected = sandbox.next("disconnected");
    // No client library: that would notice by itself that nothing comes any more.
    const socket = openSocket(sandbox.port, "127.0.0.1");
    socket.write(connectBytes({ clientId: "silent", keepalive: 1 }));
    assert.equal((await disconnected).reason, "keep alive timeout");
    assert.deepEqual(context.sandbox.refusals, []);
  });

  it("lets the newer of two clients with one ID stay", async () => {
    const older = await connect(context.sandbox, { clientId: "same" });
    const isClosed = closed(older);
    await connect(context.sandbox, { clientId: "same" });
    await isClosed;
    assert.deepEqual(
      context.sandbox.clients.map(({ clientId }) => clientId),
      ["same"],
    );
  });

  it("records the packets of its clients in order", async () => {
    const client = await connect(context.sandbox, { clientId: "recorded", keepalive: 30 });
    await client.subscribeAsync([`1/${OWN}/d/#`, "2/demo-project/g/#"], { qos: 1 });
    await client.unsubscribeAsync("2/demo-project/g/#");
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 0 });
    const disconnected = context.sandbox.next("disconnected");
    await client.endAsync();
    await disconnected;
    const clientId = "recorded";
    assert.deepEqual(context.sandbox.wire, [
      { clientId, cmd: "connect", protocolVersion: 4, clean: true, keepalive: 30, username: OWN },
      {
        clientId,
        cmd: "subscribe",
        subscriptions: [
          { filter: `1/${OWN}/d/#`, qos: 1 },
          { filter: "2/demo-project/g/#", qos: 1 },
        ],
      },
      { clientId, cmd: "unsubscribe", filters: ["2/demo-project/g/#"] },
      {
        clientId,
        cmd: "publish",
        topic: `0/${OWN}/d`,
        qos: 0,
        dup: false,
        retain: false,
        messageId: undefined,
        length: EVENT.length,
      },
      { clientId, cmd: "disconnect", messageId: undefined },
    ]);
  });

  it("records no packets unless it is told to", async () => {
    const sandbox = new Sandbox({ port: 0 });
    await sandbox.start();
    await (await connect(sandbox)).endAsync();
    await sandbox.stop();
    assert.deepEqual(sandbox.wire, []);
  });

  it("refuses what is not MQTT", async () => {
    const refusal = context.sandbox.next("refusal");
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await once(socket, "close");
    assert.equal((await refusal).what, "protocol");
  });
});

describe("sandbox: what comes before its CONNACK", () => {
  const context = eachWithSandbox();

  it("is on record with the client ID when MQTT does not allow it, and nothing else happens", async () => {
    const refusal = context.sandbox.next("refusal");
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    socket.write(Buffer.concat([connectBytes({ clientId: "hasty" }), Buffer.alloc(5, 0xff)]));
    await once(socket, "close");
    const { what, code, clientId, username } = await refusal;
    assert.deepEqual(
      { what, code, clientId, username },
      { what: "protocol", code: "PACKET", clientId: "hasty", username: OWN },
    );
    await connect(context.sandbox);
  });
});

describe("sandbox: packets before the CONNACK", () => {
  const context = eachWithSandbox();

  /** Opens a connection and goes on with other packets, in one write. */
  function hurry(...packets: Buffer[]) {
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    socket.write(Buffer.concat([connectBytes(), ...packets]));
    return socket;
  }

  const pings = (count: number) => Array<Buffer>(count).fill(generate({ cmd: "pingreq" }));

  it("are taken, a thousand of them", async () => {
    const stored = context.sandbox.next("event");
    const event = { cmd: "publish", topic: `0/${OWN}/d`, payload: EVENT } as const;
    hurry(...pings(999), generate({ ...event, qos: 0, dup: false, retain: false }));
    assert.equal((await stored).clientId, "raw");
    assert.deepEqual(context.sandbox.refusals, []);
  });

  it("end the connection when they are more, and it is told why", async () => {
    const refused = context.sandbox.next("refusal");
    await once(hurry(...pings(1001)), "close");
    const { code, clientId, reason } = await refused;
    assert.deepEqual([code, clientId], ["EARLY_FULL", "raw"]);
    assert.match(reason, /^1000 packets came before the CONNACK/);
  });
});

describe("sandbox: a packet of more than a million bytes", () => {
  const context = eachWithSandbox();

  it("is not waited for, from nobody", async () => {
    const refusal = context.sandbox.next("refusal");
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    socket.write(Buffer.from("10ffffff7f", "hex"));
    await once(socket, "close");
    const { what, code, reason } = await refusal;
    assert.deepEqual([what, code], ["protocol", "PACKET_TOO_LONG"]);
    assert.match(reason, /268435455 bytes .* takes 1000000$/);
  });

  it("ends the connection of a client, and one that is not longer is looked at", async () => {
    const client = await connect(context.sandbox, { clientId: "talker" });
    const gone = closed(client);
    const topic = `0/${OWN}/d`;
    client.publish(topic, Buffer.alloc(1_000_000 - topic.length - 2, " "), { qos: 0 });
    await gone;
    const next = await connect(context.sandbox, { clientId: "talker" });
    const over = closed(next);
    next.publish(topic, Buffer.alloc(1_000_000 - topic.length - 1, " "), { qos: 0 });
    await over;
    assert.deepEqual(
      context.sandbox.refusals.map(({ code, clientId }) => [code, clientId]),
      [
        ["DATA_NOT_JSON", "talker"],
        ["PACKET_TOO_LONG", "talker"],
      ],
    );
  });
});

describe("sandbox: memory", () => {
  const context = eachWithSandbox({ keep: 2, recordWire: true });

  it("keeps the newest events, packets and refusals", async () => {
    const { sandbox } = context;
    const client = await connect(sandbox);
    for (const deviceId of ["a", "b", "c"]) {
      await client.publishAsync(`0/${OWN}/${deviceId}`, EVENT, { qos: 1 });
    }
    assert.deepEqual(
      sandbox.events.map(({ deviceId }) => deviceId),
      ["b", "c"],
    );
    assert.equal(sandbox.wire.length, 2);
    for (const filter of ["a", "b", "c"])
      await client.subscribeAsync(filter).catch(() => undefined);
    assert.deepEqual(
      sandbox.refusals.map(({ filter }) => filter),
      ["b", "c"],
    );
  });
});

describe("sandbox: memory of long names", () => {
  const context = eachWithSandbox({ recordWire: true });

  it("keeps 16 million characters of packets, and of refusals", async () => {
    const client = await connect(context.sandbox);
    const long = "x".repeat(60_000);
    for (let number = 0; number < 300; number += 1) {
      await client.subscribeAsync(`1/${OWN}/${long}/${number}`).catch(() => undefined);
    }
    const { refusals, wire } = context.sandbox;
    assert.ok(refusals.length < 270 && refusals.length > 260, `${refusals.length} refusals`);
    assert.ok(wire.length < 270 && wire.length > 260, `${wire.length} packets`);
  });
});

describe("sandbox: ways in", () => {
  let sandbox: Sandbox;
  afterEach(async () => {
    await endClients();
    await sandbox.stop();
  });

  for (const websocket of [false, true]) {
    for (const encrypted of [false, true]) {
      const scheme = websocket ? (encrypted ? "wss" : "ws") : encrypted ? "mqtts" : "mqtt";

      it(`speaks ${scheme}`, async () => {
        const tls = encrypted ? selfSigned() : undefined;
        sandbox = new Sandbox({ port: 0, websocket, tls });
        await sandbox.start();
        assert.equal(sandbox.url, `${scheme}://127.0.0.1:${sandbox.port}`);
        const client = await connect(sandbox, { ca: tls?.cert });
        const payload = '{"event_data":{},"add_client_ip":true}';
        await client.publishAsync(`0/${OWN}/d`, payload, { qos: 1 });
        assert.equal(sandbox.events[0]?.eventData.ip_address, "127.0.0.1");
        const isClosed = closed(client);
        await sandbox.stop();
        await isClosed;
      });
    }
  }

  for (const websocket of [false, true]) {
    it(`says why a TLS handshake failed${websocket ? ", of a WebSocket too" : ""}`, async () => {
      sandbox = new Sandbox({ port: 0, websocket, tls: selfSigned() });
      await sandbox.start();
      const untrusted = sandbox.next("refusal");
      await assert.rejects(connect(sandbox), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
      await untrusted;
      const unencrypted = sandbox.next("refusal");
      openSocket(sandbox.port, "127.0.0.1").end(connectBytes());
      assert.match((await unencrypted).reason, /wrong version number.* must speak TLS here/);
      assert.deepEqual(
        sandbox.refusals.map(({ what, code }) => [what, code]),
        Array(2).fill(["connect", "TLS"]),
      );
    });
  }

  it("turns a WebSocket without the subprotocol mqtt away", async () => {
    sandbox = new Sandbox({ port: 0, websocket: true });
    await sandbox.start();
    const socket = new WebSocket(sandbox.url);
    const [status] = await once(socket, "close");
    assert.equal(status, 1002);
    assert.equal(sandbox.refusals[0]?.code, "SUBPROTOCOL");
  });

  /** A WebSocket without a library, which would keep its rules. */
  async function rawWebSocket(subprotocol?: string): Promise<Socket> {
    sandbox = new Sandbox({ port: 0, websocket: true });
    await sandbox.start();
    const socket = openSocket(sandbox.port, "127.0.0.1");
    const headers = [
      ...["GET / HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade"],
      ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
      ...(subprotocol ? [`Sec-WebSocket-Protocol: ${subprotocol}`] : []),
    ];
    socket.write(`${headers.join("\r\n")}\r\n\r\n`);
    await once(socket, "data");
    return socket;
  }

  it("cuts a WebSocket off that was turned away and goes on against the rules", async () => {
    const socket = await rawWebSocket();
    const gone = once(socket, "close");
    // A frame that is not masked (RFC 6455, 5.1).
    socket.write(Buffer.from("810161", "hex"));
    await gone;
    assert.deepEqual(
      sandbox.refusals.map(({ code }) => code),
      ["SUBPROTOCOL"],
    );
  });

  it("says why it ends a WebSocket, for a message of more than 16 MB too", async () => {
    const socket = await rawWebSocket("mqtt");
    const refusal = sandbox.next("refusal");
    // The header of a message, binary and masked, of 16,000,001 bytes.
    socket.write(Buffer.from("82ff0000000000f4240100000000", "hex"));
    const { what, code, reason } = await refusal;
    assert.deepEqual([what, code], ["protocol", "WEBSOCKET"]);
    assert.match(reason, /Max payload size exceeded/);
  });
});
