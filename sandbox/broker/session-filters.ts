// The filters of every session, also while its client is away, counted so that neither one session nor all of
// them have too many.
import { FILTERS_WEIGHT } from "../bounds";
import { Refused } from "../cloud/refusal";

export interface SessionFiltersBounds {
  readonly ofOne: number;
  readonly ofAll: number;
}

export class SessionFilters {
  readonly #bounds: SessionFiltersBounds;
  /** By client ID. */
  readonly #sessions = new Map<string, Set<string>>();
  #count = 0;
  #weight = 0;

  constructor(bounds: SessionFiltersBounds) {
    this.#bounds = bounds;
  }

  /**
   * Does nothing if the session has it. Throws Refused SUBSCRIPTIONS_FULL if the session has no room
   * for it, and FILTERS_FULL if all of them together have none.
   */
  add(clientId: string, filter: string): void {
    const filters = this.#sessions.get(clientId) ?? new Set();
    if (filters.has(filter)) return;
    const { ofOne, ofAll } = this.#bounds;
    if (filters.size >= ofOne) throw Refused.because("SUBSCRIPTIONS_FULL", { limit: ofOne });
    if (this.#count >= ofAll || this.#weight + filter.length > FILTERS_WEIGHT)
      throw Refused.because("FILTERS_FULL", { limit: ofAll });
    this.#sessions.set(clientId, filters.add(filter));
    this.#count += 1;
    this.#weight += filter.length;
  }

  delete(clientId: string, filter: string): void {
    const filters = this.#sessions.get(clientId);
    if (!filters?.delete(filter)) return;
    this.#count -= 1;
    this.#weight -= filter.length;
    if (filters.size === 0) this.#sessions.delete(clientId);
  }

  /** The session is no more. */
  end(clientId: string): void {
    for (const filter of this.#sessions.get(clientId) ?? []) this.delete(clientId, filter);
  }
}
