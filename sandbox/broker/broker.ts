// aedes as the sandbox needs it: behind the authorizer, and with messages routed one after the other.
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import {
  Aedes,
  type AedesOptions,
  type AedesPublishPacket,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type Subscription,
} from "aedes";
import type { Packet } from "mqtt-packet";
import { LONGEST_CLIENT_ID } from "../../nodes/protocol/credentials";
import { MOST_EARLY } from "../bounds";
import { SandboxError } from "../sandbox-error";
import { type Authorizer, NOT_AUTHORIZED } from "./authorizer";
import { MOST_IDS, type Persistence } from "./persistence";
import { Turns } from "./turns";

export interface ClientsListener {
  /** It is about to be let in, if it is. */
  arriving(client: Client, packet: ConnectPacket): void;
  connected(client: Client): void;
  disconnected(client: Client): void;
  /** With what was granted of a SUBSCRIBE. */
  subscribed(client: Client, granted: readonly Subscription[]): void;
  unsubscribed(client: Client, filters: readonly string[]): void;
}

export interface BrokerListener {
  readonly clients: ClientsListener;
  /** Without a client: what the cloud itself published. */
  readonly published: (packet: AedesPublishPacket, client: Client | null) => void;
  readonly failed: (error: Error) => void;
}

/** What aedes keeps to itself of a client. */
interface Internals {
  readonly _parser: EventEmitter;
  /** The packet ID of the next message to it. */
  _nextId: number;
}

/** Milliseconds until a connection ends on which no CONNECT came; besides those by which it is late. */
const CONNECT_TIMEOUT = 30_000;
/** Milliseconds for the answers of workflows to what came last. */
const GOODBYE = 1_000;
/** What the cloud sends, as much as the broker must know. */
export type CloudMessage = Pick<PublishPacket, "topic" | "payload" | "qos" | "retain">;

/** Messages that the cloud sent and that are not routed yet, before devices have to wait. */
const MOST_UNROUTED = 1000;
/** The parser's error for a CONNECT of a protocol level that it cannot read. */
const UNKNOWN_LEVEL = "Invalid protocol version";
/** CONNACK with the return code 1 (MQTT 3.1.1, 3.2). */
const LEVEL_REFUSED = Buffer.from([0x20, 2, 0, 1]);
/** SUBACK's failure (MQTT-3.9.3-2). */
const NOT_GRANTED = 0x80;

export class Broker {
  readonly #aedes: Aedes;
  readonly #routing: Turns;
  readonly #clients = new Set<Client>();
  #isClosing = false;

  private constructor(aedes: Aedes, routing: Turns) {
    this.#aedes = aedes;
    this.#routing = routing;
  }

  /**
   * `persistence` may be that of a broker before it, whose sessions go on; `latency` is how many
   * milliseconds late its streams are.
   */
  static async open(
    authorizer: Authorizer,
    listener: BrokerListener,
    persistence: Persistence,
    latency: number,
  ): Promise<Broker> {
    const routing = new Turns();
    const options: AedesOptions = {
      maxClientsIdLength: LONGEST_CLIENT_ID,
      connectTimeout: CONNECT_TIMEOUT + latency,
      persistence,
      queueLimit: MOST_EARLY,
      // The persistence bounds it, for a session that goes on as well.
      maxInflightInbound: 0,
      preConnect: (client, packet, done) => {
        authorizer.connect(client, packet);
        const { refused } = authorizer.session(client);
        // What is refused without a return code is not answered.
        if (refused && refused.returnCode === undefined) return done(refused, false);
        letIn(routing, client, () => {
          listener.clients.arriving(client, packet);
          done(null, true);
        });
      },
      authenticate: (client, _username, _password, done) => {
        const { refused } = authorizer.session(client);
        if (!refused) return done(null, true);
        const { returnCode = NOT_AUTHORIZED } = refused;
        done(Object.assign(refused, { returnCode }), null);
      },
      authorizePublish: (client, packet, done) => done(authorizer.publish(client, packet)),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, authorizer.subscribe(client, subscription)),
      authorizeForward: (client, packet) => {
        const forwarded = authorizer.forward(client, packet);
        if (forwarded && isFirstOfRetained(forwarded) && !client.clean && !client.closed) {
          // aedes would not repeat it, although the session is to have it (MQTT-4.4.0-1).
          forwarded.messageId = takeMessageId(client);
          persistence.keepRetained(client, forwarded);
        }
        return forwarded;
      },
      published: (packet, client, done) => {
        listener.published(packet, client);
        // Its client is not read on before that.
        if (client && isBehind(routing)) void routing.settled.then(() => done());
        else done();
      },
    };
    const aedes = await Aedes.createBroker(options);
    follow(aedes, authorizer, listener, persistence);
    return new Broker(aedes, routing);
  }

  /**
   * A client has come in; it speaks MQTT over `stream`, to which nobody has to wait to write. `admit`
   * may change each packet before aedes looks at it: what is asked for is what aedes grants in a SUBACK.
   * If it throws, the connection ends, and aedes does not see the packet.
   */
  take(stream: Duplex, admit: (packet: Packet) => void): Client {
    const client = this.#aedes.handle(stream);
    this.#clients.add(client);
    stream.once("close", () => this.#clients.delete(client));
    const { _parser: parser } = internals(client);
    const [enqueue] = parser.listeners("packet") as [(this: EventEmitter, packet: Packet) => void];
    parser.off("packet", enqueue);
    parser.on("packet", (packet: Packet) => {
      try {
        admit(packet);
      } catch (error) {
        client.emit("error", error as Error);
        return;
      }
      enqueue.call(parser, packet);
    });
    parser.prependListener("error", ({ message }: Error) => {
      // What the parser does not know is to be answered all the same (MQTT-3.1.2-2).
      if (message === UNKNOWN_LEVEL) stream.write(LEVEL_REFUSED);
    });
    return client;
  }

  /**
   * Messages are routed one after the other: aedes takes one for a duplicate when a later one
   * overtakes it, as one that is not retained overtakes one that is. `begin` is called when it is the
   * message's turn, and makes it. Resolves with it once it is on its way to all.
   * Rejects with SandboxError NOT_RUNNING once the broker is closed.
   */
  publish<Message extends CloudMessage>(begin: () => Message): Promise<Message> {
    return this.#routing.take(async () => {
      if (this.#isClosing) throw SandboxError.notRunning();
      const message = begin();
      const { topic, payload, qos, retain } = message;
      const packet: PublishPacket = { cmd: "publish", topic, payload, qos, retain, dup: false };
      await new Promise<void>((resolve, reject) => {
        this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
      });
      return message;
    });
  }

  /** Resolves once there are not too many messages to be routed. */
  async caughtUp(): Promise<void> {
    if (isBehind(this.#routing)) await this.#routing.settled;
  }

  /** Resolves once every client is cut off, and what they had sent is stored, with its answers on their way. */
  async close(): Promise<void> {
    for (const { conn } of this.#clients) conn.destroy();
    // aedes acknowledges an event, and hands it on in the next turn of the event loop.
    for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
    const deadline = performance.now() + GOODBYE;
    while (this.#routing.waiting > 0 && performance.now() < deadline) await this.#routing.settled;
    this.#isClosing = true;
    await this.#routing.settled;
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }
}

/** Workflows answer events: if devices were faster than their answers, those would pile up. */
function isBehind(routing: Turns): boolean {
  return routing.waiting > MOST_UNROUTED;
}

/**
 * Nothing is routed while a client is let in: its session's filters are live before its CONNACK
 * is written, which has to come first (MQTT-3.2.0-1), and what it missed before what is new.
 */
function letIn(routing: Turns, client: Client, proceed: () => void): void {
  void routing.take(
    () =>
      new Promise<void>((resolve) => {
        if (client.conn.destroyed) return resolve();
        client.once("connected", resolve);
        client.conn.once("close", resolve);
        proceed();
      }),
  );
}

function internals(client: Client): Internals {
  return client as unknown as Internals;
}

/** aedes counts from any id, even from that of a message which still waits. */
function beginSession(client: Client, persistence: Persistence): void {
  persistence.beginSession(client.id);
  const first = persistence.firstMessageId(client.id);
  if (first !== undefined) internals(client)._nextId = first;
}

function takeMessageId(client: Client): number {
  const counting = internals(client);
  const id = counting._nextId;
  counting._nextId = (id % MOST_IDS) + 1;
  return id;
}

/** Whether it goes to a new subscription, which alone is told that it is retained, for the first time. */
function isFirstOfRetained({ retain, qos, messageId }: PublishPacket): boolean {
  return retain && qos > 0 && messageId === undefined;
}

function follow(
  aedes: Aedes,
  authorizer: Authorizer,
  { clients, failed }: BrokerListener,
  persistence: Persistence,
): void {
  // Before the CONNACK is written: who is told that it is connected, is.
  aedes.on("client", (client) => {
    // It may have gone while it was being let in; aedes registers it all the same.
    if (client.closed) return;
    if (!client.clean) beginSession(client, persistence);
    clients.connected(client);
  });
  aedes.on("clientDisconnect", (client) => clients.disconnected(client));
  aedes.on("clientError", (client, error) => authorizer.broke(client, error));
  aedes.on("connectionError", (client, error) => authorizer.broke(client, error));
  aedes.on("subscribe", (asked, client) => {
    const isGranted = ({ qos }: Subscription) => (qos as number) !== NOT_GRANTED;
    const granted = asked.filter(isGranted);
    if (granted.length < asked.length) {
      // aedes stores all filters of a packet once one is granted, and would queue messages for them.
      const refused = asked.filter((subscription) => !isGranted(subscription));
      const filters = refused.map(({ topic }) => topic);
      persistence.removeSubscriptions(client, filters).catch(failed);
    }
    if (granted.length > 0) clients.subscribed(client, granted);
  });
  aedes.on("unsubscribe", (filters, client) => {
    // aedes tells the end of a clean session in the same way.
    if (!client.closed) clients.unsubscribed(client, filters);
  });
  (aedes as EventEmitter).on("error", failed);
}
