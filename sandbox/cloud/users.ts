// Who may log in at the moment: the configured users, and those made over REST.

import type { Item, Room } from "../data/mirror";
import {
  type Account,
  type AddedUser,
  accountsOf,
  addedUser,
  loginIdOf,
  type NewUser,
} from "./accounts";
import { Refused } from "./refusal";

export interface UsersOptions {
  readonly accounts: readonly Account[];
  /** How many may be made over REST. */
  readonly limit: number;
  /** Milliseconds until such a user is let in. */
  readonly createLater: number;
  /** Others may log in than before. */
  readonly changed: () => void;
}

export class Users implements Room {
  readonly #options: UsersOptions;
  #configured: readonly Account[];
  /** Made over REST. */
  #added: readonly AddedUser[] = [];
  /** Those of them who are yet to come. */
  readonly #coming = new Set<AddedUser>();
  /** Of the configured and the added. */
  #accounts: readonly Account[];

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#configured = options.accounts;
    this.#accounts = options.accounts;
  }

  /** One for each API key that a user may log in with. */
  get accounts(): readonly Account[] {
    return this.#accounts;
  }

  /** Lets a new basic user of a project in, at once or later. Throws Refused USERS_FULL. */
  add(projectMqtt: string, user: NewUser): void {
    const { limit, createLater, changed } = this.#options;
    const count = this.#added.length + this.#coming.size;
    if (count >= limit) throw Refused.because("USERS_FULL", { limit });
    const added = addedUser(projectMqtt, user);
    const letIn = () => {
      this.#coming.delete(added);
      this.#letIn(this.#configured, [...this.#added, added]);
      changed();
    };
    this.#coming.add(added);
    if (createLater > 0) setTimeout(letIn, createLater).unref();
    else letIn();
  }

  /** Whether a project has a user of that login ID, or will have. */
  has(projectMqtt: string, loginId: string): boolean {
    const users = [...this.#accounts, ...this.#coming];
    return users.some((user) => user.projectMqtt === projectMqtt && loginIdOf(user) === loginId);
  }

  /** Those made over REST, also those who are yet to come: they have been promised. */
  *items(): Generator<Item> {
    for (const user of [...this.#added, ...this.#coming])
      yield { name: user, version: user, value: () => user };
  }

  restore(user: AddedUser): void {
    if (this.#added.length < this.#options.limit)
      this.#letIn(this.#configured, [...this.#added, user]);
  }

  /** Users made over REST stay if their project does, with the API keys that it has now. */
  configure(accounts: readonly Account[]): void {
    this.#letIn(accounts, this.#added);
  }

  #letIn(configured: readonly Account[], added: readonly AddedUser[]): void {
    const projects = new Set(configured.map(({ projectMqtt }) => projectMqtt));
    const staying = added.filter(({ projectMqtt }) => projects.has(projectMqtt));
    this.#configured = configured;
    this.#added = staying;
    this.#accounts = [...configured, ...staying.flatMap((user) => accountsOf(configured, user))];
  }
}
