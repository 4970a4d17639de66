// A flow node's registration with its connection: it comes and goes with the node, and shows its status.
import type { Node, NodeAPI } from "node-red";
import type { Connection } from "../connection/connection";
import { M1Error } from "../protocol/errors";
import type { Subscriber } from "../subscriptions/subscriptions";
import { isDisabled } from "./config-node";
import { problem } from "./problem";
import {
  connectionStatus,
  faultStatus,
  type Status,
  statusDisplay,
  withSubscriptions,
} from "./status";
import { errorText } from "./translate";

/** What an `m1 connection` config node offers to the nodes that refer to it. */
export interface ConnectionNode extends Node {
  /** Absent if the settings cannot work; `fault` then says why. */
  connection?: Connection;
  fault?: M1Error;
  /** Milliseconds since 1970: since when the connection is in its state. */
  since: number;
  readonly registrations: Set<Registration>;
  /** By node id: Node-RED passes the config node's errors and statuses to the flows of these. */
  readonly users: Record<string, Node>;
}

interface Role {
  /** Of a node that receives. */
  readonly subscriber?: Subscriber;
  /** Whether the status counts what it is subscribed to. */
  readonly showsSubscriptions?: boolean;
  /** What is wrong with the node's own settings: then it only shows and tells that. */
  readonly fault?: M1Error | undefined;
}

export class Registration {
  readonly node: Node;
  readonly subscriber: Subscriber | undefined;
  readonly #showsSubscriptions: boolean;
  readonly #RED: NodeAPI;
  readonly #home: ConnectionNode | undefined;
  readonly #fault: M1Error | undefined;
  /** For as long as the broker refuses a filter of the subscriber. */
  #refusal: M1Error | undefined;
  readonly #show: (status: Status) => void;

  /**
   * Enlists the node with the config node of that id until the node is closed.
   */
  constructor(RED: NodeAPI, node: Node, connectionId: string, role: Role) {
    this.node = node;
    this.subscriber = role.subscriber;
    this.#showsSubscriptions = role.showsSubscriptions === true;
    this.#RED = RED;
    this.#show = statusDisplay(node);
    const home = RED.nodes.getNode(connectionId) as ConnectionNode | null;
    const isConnection = home?.registrations instanceof Set;
    this.#home = isConnection ? home : undefined;
    this.#fault = role.fault ?? (isConnection ? undefined : absence(RED, connectionId));
    if (this.#fault) {
      this.#tellWhenStarted(this.#fault);
    } else if (home) {
      this.#join(home);
      this.refresh();
    }
  }

  /** The connection to use. Throws what is wrong with this node or its config node. */
  connection(): Connection {
    if (this.#fault) throw this.#fault;
    const { connection, fault } = this.#home ?? {};
    if (connection) return connection;
    const reason = fault ? errorText(this.#RED, fault) : "";
    throw new M1Error("CONNECTION_INVALID", { reason });
  }

  /** For as long as the broker refuses a filter of this node, which is no fault of its fellows. */
  refused(reason: M1Error | undefined): void {
    this.#refusal = reason;
    if (reason) this.node.error(problem(this.#RED, reason), {});
    this.refresh();
  }

  /** To be called when the subscriber's request is another one. */
  changed(): void {
    if (this.subscriber) this.#home?.connection?.changeSubscriber(this.subscriber);
    this.refresh();
  }

  /** Shows the status as it is now. */
  refresh(): void {
    this.#show(this.#status());
  }

  #join(home: ConnectionNode): void {
    const { connection } = home;
    home.registrations.add(this);
    home.users[this.node.id] = this.node;
    if (this.subscriber) connection?.addSubscriber(this.subscriber);
    else connection?.addSender(this);
    this.node.on("close", () => {
      home.registrations.delete(this);
      delete home.users[this.node.id];
      if (this.subscriber) connection?.removeSubscriber(this.subscriber);
      else connection?.removeSender(this);
    });
  }

  #status(): Status {
    const fault = this.#fault ?? this.#home?.fault ?? this.#refusal;
    const connection = this.#home?.connection;
    if (fault) return faultStatus(this.#RED, fault, connection?.state);
    const { subscriber } = this;
    const queue = subscriber ? undefined : connection?.queue;
    const status = connectionStatus(this.#RED, connection?.state ?? { name: "idle" }, queue);
    if (!subscriber || !this.#showsSubscriptions) return status;
    return withSubscriptions(this.#RED, status, subscriber.request.ids.length);
  }

  /** Catch and Status nodes exist once all flows have started; the former only hear of errors that carry a message. */
  #tellWhenStarted(fault: M1Error): void {
    const tell = () => {
      this.refresh();
      this.node.error(problem(this.#RED, fault), {});
    };
    this.#RED.events.once("flows:started", tell);
    this.node.on("close", () => this.#RED.events.off("flows:started", tell));
  }
}

/** Why there is no connection under that id. */
function absence(RED: NodeAPI, id: string): M1Error {
  return new M1Error(isDisabled(RED, id) ? "CONNECTION_DISABLED" : "CONNECTION_MISSING");
}
