// The connection against a real mosquitto, in both versions of MQTT: what the sandbox cannot show.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Connection, type ConnectionOptions } from "../../nodes/connection/connection";
import type { ConnectionSettings } from "../../nodes/connection/mqtt-client";
import { Outbox } from "../../nodes/outbox/outbox";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import type { M1Error } from "../../nodes/protocol/errors";
import type { ProtocolVersion, QoS } from "../../nodes/protocol/settings";
import type { SubscriptionRequest } from "../../nodes/subscriptions/subscription-request";
import type { ReceivedMessage, Subscriber } from "../../nodes/subscriptions/subscriptions";
import { Mosquitto } from "../support/mosquitto";

const USER = { "p/u": "key/secret" };
/** Until the broker has long released a message. */
const A_WHILE = 100;
const who = { projectMqtt: "p", userMqtt: "u" };

describe("with mosquitto", () => {
  let mosquitto: Mosquitto;
  const connections: Connection[] = [];

  before(async () => {
    mosquitto = await Mosquitto.start({
      users: USER,
      acl: [
        "user p/u",
        "topic readwrite 0/p/u/#",
        "topic readwrite 1/p/u/#",
        "topic readwrite 2/p/g/#",
      ],
    });
  });

  after(() => mosquitto.stop());

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });

  function connection(
    settings: Partial<ConnectionSettings> = {},
    options: ConnectionOptions = {},
  ): Connection {
    const made = new Connection(
      {
        brokers: [parseBrokerUrl(mosquitto.url)],
        identity: who,
        username: "p/u",
        password: "key/secret",
        clientId: `test-${Math.random().toString(16).slice(2, 12)}`,
        protocolVersion: 4,
        keepalive: 60,
        cleanSession: true,
        sendRate: Number.POSITIVE_INFINITY,
        tls: {},
        ...settings,
      },
      new Outbox({
        limit: 1000,
        full: "reject",
        bytes: Number.POSITIVE_INFINITY,
        maxAge: Number.POSITIVE_INFINITY,
      }),
      options,
    );
    connections.push(made);
    return made;
  }

  for (const protocolVersion of [4, 5] as ProtocolVersion[]) {
    describe(protocolVersion === 4 ? "MQTT 3.1.1" : "MQTT 5", () => {
      for (const qos of [0, 1, 2] as QoS[]) {
        it(`delivers events and messages at QoS ${qos}`, async () => {
          const sender = connection({ protocolVersion });
          const receiver = connection({ protocolVersion });
          const mailbox = subscribe(receiver, { deviceId: "d", qos });
          await online(receiver, sender);

          await send(sender, "1/p/u/d/event", '{"n":1}', qos);

          const message = await mailbox.next();
          assert.equal(message.payload.toString(), '{"n":1}');
          assert.equal(message.qos, qos);
        });
      }

      it("delivers what was sent to a persistent session while it was away", async () => {
        const settings = {
          protocolVersion,
          cleanSession: false,
          clientId: `keeps-${protocolVersion}`,
        };
        const first = connection(settings);
        subscribe(first, { deviceId: "d" });
        await online(first);
        await first.close();
        const sender = connection({ protocolVersion });
        await online(sender);
        await send(sender, "1/p/u/d/event", "while away", 1);

        const second = connection(settings);
        const mailbox = subscribe(second, { deviceId: "d" });
        await online(second);

        assert.equal((await mailbox.next()).payload.toString(), "while away");
      });

      it("delivers a QoS 2 message that a connection held until a deploy replaced it", async () => {
        const settings = {
          protocolVersion,
          cleanSession: false,
          clientId: `holds-${protocolVersion}`,
        };
        const first = connection(settings);
        const leaving = subscribe(first, { deviceId: "d", qos: 2 });
        const sender = connection({ protocolVersion });
        await online(first, sender);
        first.removeSubscriber(leaving);
        await send(sender, "1/p/u/d/event", "held", 2);
        await pause(A_WHILE);
        await first.close();

        const second = connection(settings, { session: first.session });
        const mailbox = subscribe(second, { deviceId: "d", qos: 2 });
        await online(second);

        assert.equal((await mailbox.next()).payload.toString(), "held");
      });

      it("gives one copy where filters overlap, on a broker that sends one for each", async () => {
        const receiver = connection({ protocolVersion });
        const any = subscribe(receiver, { deviceId: "" });
        const one = subscribe(receiver, { deviceId: "d" });
        const sender = connection({ protocolVersion });
        await online(receiver, sender);

        await send(sender, "1/p/u/d/event", "first", 1);
        await send(sender, "1/p/u/d/event", "last", 1);

        for (const mailbox of [any, one]) {
          assert.equal((await mailbox.next()).payload.toString(), "first");
          assert.equal((await mailbox.next()).payload.toString(), "last");
        }
      });

      it("says that the credentials are wrong", async () => {
        const refused = connection({ protocolVersion, password: "key/wrong" });
        refused.addSender({});
        refused.endDeploy();

        const reason = await offline(refused);

        assert.equal(reason.code, "NOT_AUTHORISED");
        assert.ok(!`${reason.message}${reason.stack}`.includes("wrong"));
      });
    });
  }

  it("tells of the event that an MQTT 5 broker refuses, and sends the next", async () => {
    const sender = connection({ protocolVersion: 5 });
    await online(sender);

    await assert.rejects(send(sender, "0/p/other/d", "{}", 1), { code: "EVENT_REFUSED" });
    await send(sender, "0/p/u/d", "{}", 1);
  });

  function subscribe(
    connection: Connection,
    { deviceId, ...request }: Partial<SubscriptionRequest> & { deviceId: string },
  ): Mailbox {
    const mailbox = new Mailbox({
      kind: "device",
      ids: [deviceId],
      receive: "all",
      updateType: "",
      broadcast: false,
      qos: 1,
      ...request,
    } as SubscriptionRequest);
    connection.addSubscriber(mailbox);
    return mailbox;
  }
});

/** A subscriber that keeps what it gets until it is asked for. */
class Mailbox implements Subscriber {
  readonly request: SubscriptionRequest;
  readonly #messages: ReceivedMessage[] = [];
  #waiting: ((message: ReceivedMessage) => void) | undefined;

  constructor(request: SubscriptionRequest) {
    this.request = request;
  }

  receive(message: ReceivedMessage): void {
    if (this.#waiting) this.#waiting(message);
    else this.#messages.push(message);
    this.#waiting = undefined;
  }

  refused(reason: M1Error | undefined): void {
    if (reason) throw reason;
  }

  next(): Promise<ReceivedMessage> {
    const message = this.#messages.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

/** Connects them all and, as a SUBSCRIBE is answered in order, waits until each is subscribed. */
async function online(...connections: Connection[]): Promise<void> {
  for (const connection of connections) {
    connection.addSender({});
    connection.endDeploy();
    while (connection.state.name !== "online") await once(connection, "state");
    await send(connection, "0/p/u/ready", "{}", 1);
  }
}

async function offline(connection: Connection): Promise<M1Error> {
  for (;;) {
    const { state } = connection;
    if (state.name === "offline") return state.reason;
    await once(connection, "state");
  }
}

function send(connection: Connection, topic: string, payload: string, qos: QoS): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: M1Error) => (error ? reject(error) : resolve());
    connection.send({ topic, payload, qos, done });
  });
}
