// What the sandbox does for clients that read slowly, or not at all (sandbox/broker/unread.ts).
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { generate, type Packet, parser } from "mqtt-packet";
import { Unread } from "../../../sandbox/broker/unread";
import { connect, connectBytes, EVENT, eachWithSandbox, inbox, OWN } from "../clients";

const PAYLOAD = Buffer.alloc(50_000, "x");
/** Of them, more than a connection holds by itself. */
const MANY = 300;

describe("sandbox: a client that does not read", () => {
  const context = eachWithSandbox();

  /** Messages wait for its session, and it comes for them and reads nothing until it resumes. */
  async function backlogged(): Promise<Socket> {
    const session = { clientId: "slow", clean: false };
    const client = await connect(context.sandbox, session);
    await client.subscribeAsync(`1/${OWN}/slow/#`, { qos: 1 });
    const gone = context.sandbox.next("disconnected");
    await client.endAsync();
    await gone;
    for (let number = 0; number < MANY; number += 1)
      await context.sandbox.sendDeviceEvent("slow", PAYLOAD);
    const socket = openSocket(context.sandbox.port, "127.0.0.1").pause();
    const connected = context.sandbox.next("connected");
    socket.write(connectBytes(session));
    await connected;
    return socket;
  }

  it("keeps nobody waiting: others come in, and send and receive", async () => {
    await backlogged();
    const began = performance.now();
    const other = await connect(context.sandbox);
    await other.subscribeAsync(`1/${OWN}/other/#`, { qos: 1 });
    const received = inbox(other);
    await context.sandbox.sendDeviceEvent("slow", "for the slow one");
    await context.sandbox.sendDeviceEvent("other", "for the other");
    await received.upTo(1);
    await other.publishAsync(`0/${OWN}/other`, EVENT, { qos: 1 });
    const milliseconds = performance.now() - began;
    assert.ok(milliseconds < 1000, `${milliseconds} ms`);
  });

  it("gets all in order once it does", async () => {
    const socket = await backlogged();
    await context.sandbox.sendDeviceEvent("slow", "last");
    const packets: Packet[] = [];
    const isLast = new Promise<void>((resolve) => {
      const coming = parser();
      coming.on("packet", (packet) => {
        packets.push(packet);
        if (packet.cmd === "publish" && String(packet.payload) === "last") resolve();
      });
      socket.on("data", (chunk) => coming.parse(chunk)).resume();
    });
    await isLast;
    assert.deepEqual(
      packets.map(({ cmd }) => cmd),
      ["connack", ...Array(MANY + 1).fill("publish")],
    );
    assert.deepEqual(context.sandbox.refusals, []);
  });
});

describe("sandbox: too much that clients have not read", () => {
  const context = eachWithSandbox({ bounds: { unread: 10_000_000 } });

  async function unreading(clientId: string): Promise<Socket> {
    const socket = openSocket(context.sandbox.port, "127.0.0.1");
    socket.write(connectBytes({ clientId }));
    const subscribed = context.sandbox.next("subscribed");
    const filters = [`1/${OWN}/${clientId}/#`, `1/${OWN}/_all/#`];
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const }));
    socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions }));
    await subscribed;
    socket.pause();
    return socket;
  }

  it("ends the connection of the one that has left the most, and it is told why", async () => {
    const [most, less] = [await unreading("most"), await unreading("less")];
    const reader = await connect(context.sandbox, { clientId: "reader" });
    await reader.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    const received = inbox(reader);
    const disconnected = context.sandbox.next("disconnected");
    await context.sandbox.sendDeviceEvent("most", PAYLOAD);
    let sent = 1;
    const gone = disconnected.then(() => true);
    while (!(await Promise.race([gone, context.sandbox.sendDeviceEvent("_all", PAYLOAD)])))
      sent += 1;
    const { clientId, reason } = await disconnected;
    assert.equal(clientId, "most");
    assert.match(reason ?? "", /^Clients have left 10000000 bytes unread/);
    assert.deepEqual(
      context.sandbox.refusals.map((refusal) => [refusal.code, refusal.clientId]),
      [["UNREAD_FULL", "most"]],
    );
    await received.upTo(sent);
    most.resume();
    await once(most, "close");
    assert.deepEqual(context.sandbox.clients.map((client) => client.clientId).sort(), [
      "less",
      "reader",
    ]);
    assert.equal(less.destroyed, false);
  });

  it("is told from much that is read by and by", async () => {
    const stream = new PassThrough();
    new Unread(1_000_000).hold(stream);
    stream.resume();
    for (let turn = 0; turn < 100; turn += 1) {
      stream.write(Buffer.alloc(100_000));
      stream.write(Buffer.alloc(100_000));
      await new Promise(setImmediate);
    }
    assert.equal(stream.destroyed, false);
    stream.pause();
    const failed = once(stream, "error");
    for (let packet = 0; packet < 12; packet += 1) stream.write(Buffer.alloc(100_000));
    assert.equal((await failed)[0].code, "UNREAD_FULL");
  });

  it("counts an acknowledgement for what it takes", async () => {
    const stream = new PassThrough();
    new Unread(1_000_000).hold(stream);
    stream.write(Buffer.alloc(100_000));
    const failed = once(stream, "error");
    for (let acknowledgement = 0; acknowledgement < 10_000; acknowledgement += 1)
      stream.write(Buffer.alloc(4));
    assert.equal((await failed)[0].code, "UNREAD_FULL");
  });
});
