// aedes as the sandbox needs it: behind the gate, and with messages routed one after the other.
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import {
  Aedes,
  type AedesOptions,
  type AedesPublishPacket,
  type Client,
  type PublishPacket,
  type Subscription,
} from "aedes";
import { LONGEST_CLIENT_ID } from "../nodes/protocol/credentials";
import { type Gate, NOT_AUTHORIZED } from "./gate";
import { SandboxError } from "./sandbox-error";
import { Turns } from "./turns";

/** Sessions and retained messages. Of its own kind to aedes; what its types leave out. */
export interface Persistence {
  removeSubscriptions(client: Client, filters: readonly string[]): Promise<void>;
}
type PersistentAedes = Aedes & { readonly persistence: Persistence };

export interface BrokerListener {
  readonly connected: (client: Client) => void;
  readonly disconnected: (client: Client) => void;
  /** With what was granted of a SUBSCRIBE. */
  readonly subscribed: (client: Client, granted: readonly Subscription[]) => void;
  readonly unsubscribed: (client: Client, filters: readonly string[]) => void;
  /** Without a client: what the cloud itself published. */
  readonly published: (packet: AedesPublishPacket, client: Client | null) => void;
  readonly failed: (error: Error) => void;
}

/** Milliseconds until a client that does not read is cut off; the others wait for it. */
const DRAIN_TIMEOUT = 5000;
/** SUBACK's failure (MQTT-3.9.3-2). */
const NOT_GRANTED = 0x80;

export class Broker {
  readonly #aedes: PersistentAedes;
  readonly #routing: Turns;

  private constructor(aedes: PersistentAedes, routing: Turns) {
    this.#aedes = aedes;
    this.#routing = routing;
  }

  /** `persistence` is that of a broker before it, whose sessions go on. */
  static async open(
    gate: Gate,
    listener: BrokerListener,
    persistence: Persistence | undefined,
  ): Promise<Broker> {
    const routing = new Turns();
    const options: AedesOptions = {
      maxClientsIdLength: LONGEST_CLIENT_ID,
      drainTimeout: DRAIN_TIMEOUT,
      persistence,
      preConnect: (client, packet, done) => {
        gate.connect(client, packet);
        letIn(routing, client, () => done(null, true));
      },
      authenticate: (client, _username, _password, done) => {
        const { refused } = gate.session(client);
        if (!refused) return done(null, true);
        const { returnCode = NOT_AUTHORIZED } = refused;
        done(Object.assign(refused, { returnCode }), null);
      },
      authorizePublish: (client, packet, done) => done(gate.publish(client, packet)),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, gate.subscribe(client, subscription)),
      authorizeForward: (client, packet) => gate.forward(client, packet),
      published: (packet, client, done) => {
        listener.published(packet, client);
        done();
      },
    };
    const aedes = (await Aedes.createBroker(options)) as PersistentAedes;
    follow(aedes, gate, listener);
    return new Broker(aedes, routing);
  }

  get persistence(): Persistence {
    return this.#aedes.persistence;
  }

  /** A client has come in; it speaks MQTT over `stream`. */
  take(stream: Duplex): Client {
    return this.#aedes.handle(stream);
  }

  /**
   * Messages are routed one after the other: aedes takes one for a duplicate when a later one
   * overtakes it, as one that is not retained overtakes one that is.
   * Rejects with SandboxError NOT_RUNNING once the broker is closed.
   */
  publish(packet: PublishPacket): Promise<void> {
    return this.#routing.take(
      () =>
        new Promise((resolve, reject) => {
          this.#aedes.publish(packet, (error) => {
            if (!error) resolve();
            else reject(this.#aedes.closed ? SandboxError.notRunning(error) : error);
          });
        }),
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(resolve));
  }
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

function follow(aedes: PersistentAedes, gate: Gate, listener: BrokerListener): void {
  // Before the CONNACK is written: who is told that it is connected, is.
  aedes.on("client", (client) => {
    // It may have gone while it was being let in; aedes registers it all the same.
    if (!client.closed) listener.connected(client);
  });
  aedes.on("clientDisconnect", (client) => listener.disconnected(client));
  aedes.on("clientError", (client, error) => gate.broke(client, error));
  aedes.on("connectionError", (client, error) => gate.broke(client, error));
  aedes.on("subscribe", (asked, client) => {
    const isGranted = ({ qos }: Subscription) => (qos as number) !== NOT_GRANTED;
    const granted = asked.filter(isGranted);
    if (granted.length < asked.length) {
      // aedes stores all filters of a packet once one is granted, and would queue messages for them.
      const refused = asked.filter((subscription) => !isGranted(subscription));
      const filters = refused.map(({ topic }) => topic);
      aedes.persistence.removeSubscriptions(client, filters).catch(listener.failed);
    }
    if (granted.length > 0) listener.subscribed(client, granted);
  });
  aedes.on("unsubscribe", (filters, client) => {
    // aedes tells the end of a clean session in the same way.
    if (!client.closed) listener.unsubscribed(client, filters);
  });
  (aedes as EventEmitter).on("error", listener.failed);
}
