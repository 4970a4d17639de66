// Who a received message is for and who gets it: one look-up of its topic, whose cost does not grow
// with the nodes.
import { type Address, type Identity, parseAddress } from "../protocol/topics";
import { addressKeys, requestKeys, type SubscriptionRequest } from "./subscription-request";

export interface Route<Target> {
  readonly address: Address;
  /** Each once. */
  readonly targets: readonly Target[];
}

/** Topics whose routes are kept. Ten thousand devices have so many; what never comes again need not stay. */
const MOST_ROUTES = 20_000;

export class Router<Target> {
  readonly #identity: Identity;
  readonly #targets = new Map<string, Set<Target>>();
  /** Those found since the targets changed last. */
  readonly #routes = new Map<string, Route<Target>>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  add(target: Target, request: SubscriptionRequest): void {
    this.#routes.clear();
    for (const key of requestKeys(request)) {
      const targets = this.#targets.get(key);
      if (targets) targets.add(target);
      else this.#targets.set(key, new Set([target]));
    }
  }

  remove(target: Target, request: SubscriptionRequest): void {
    this.#routes.clear();
    for (const key of requestKeys(request)) {
      const targets = this.#targets.get(key);
      targets?.delete(target);
      if (targets?.size === 0) this.#targets.delete(key);
    }
  }

  /** undefined if the topic is none of the contract's, or another user's. */
  route(topic: string): Route<Target> | undefined {
    return this.#routes.get(topic) ?? this.#find(topic);
  }

  #find(topic: string): Route<Target> | undefined {
    const address = parseAddress(topic);
    if (!address || !this.#isOurs(address)) return undefined;
    const targets = addressKeys(address).flatMap((key) => [...(this.#targets.get(key) ?? [])]);
    const route = { address, targets };
    if (this.#routes.size >= MOST_ROUTES) this.#routes.clear();
    this.#routes.set(topic, route);
    return route;
  }

  #isOurs(address: Address): boolean {
    if (address.projectMqtt !== this.#identity.projectMqtt) return false;
    return address.kind === "group" || address.userMqtt === this.#identity.userMqtt;
  }
}
