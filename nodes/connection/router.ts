// Who gets a received message: a look-up by its address, whose cost does not grow with the nodes.
import type { Address } from "../protocol/topics";
import { addressKeys, type Wish, wishKeys } from "./wishes";

export class Router<Target> {
  readonly #targets = new Map<string, Set<Target>>();

  add(target: Target, wish: Wish): void {
    for (const key of wishKeys(wish)) {
      const targets = this.#targets.get(key);
      if (targets) targets.add(target);
      else this.#targets.set(key, new Set([target]));
    }
  }

  remove(target: Target, wish: Wish): void {
    for (const key of wishKeys(wish)) {
      const targets = this.#targets.get(key);
      targets?.delete(target);
      if (targets?.size === 0) this.#targets.delete(key);
    }
  }

  /** Each target once. */
  *match(address: Address): Generator<Target> {
    for (const key of addressKeys(address)) {
      const targets = this.#targets.get(key);
      if (targets) yield* targets;
    }
  }
}
