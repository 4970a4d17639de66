// The sandbox's file: projects with their API keys, users and workflows. JSON, read strictly.

import { checkApiKey } from "../../nodes/protocol/credentials";
import { excerpt, M1Error } from "../../nodes/protocol/errors";
import { DEEPEST_NESTING, isPlainJson } from "../../nodes/protocol/event";
import { topicLevel } from "../../nodes/protocol/topic-level";
import type { Account, Role } from "../cloud/accounts";
import type { Rule } from "../cloud/cloud";
import { recipientLevel, sentUpdateType } from "../cloud/cloud-topics";
import { checkName } from "../cloud/names";
import { Refused } from "../cloud/refusal";
import { rules, type Workflow } from "../cloud/workflows";

/** What is in force: who may log in, and what runs for each event. */
export interface Configuration {
  readonly accounts: readonly Account[];
  readonly rules: readonly Rule[];
}

/** Says what is wrong, where, and what would be right. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConfigError";
  }
}

/** Throws ConfigError. */
export function parseConfig(text: string): Configuration {
  let content: unknown;
  try {
    // Editors of Windows may begin a file with a byte order mark.
    content = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new ConfigError(`It is not JSON: see ${placeOfFault(text, cause as Error)}`);
  }
  const root = new Place("the file", content).object(["projects"]);
  const places = root.at("projects").list();
  const projects = places.map(project);
  checkProjects(places);
  const accounts = projects.flatMap((each) => each.accounts);
  if (accounts.length === 0) throw new ConfigError("projects must hold a user with an API key");
  return { accounts, rules: projects.flatMap((each) => each.rules) };
}

/** Of text that is no JSON. The parser's own words may quote what is around it: a password, say. */
function placeOfFault(text: string, { message }: Error): string {
  const position = / at position (\d+)/.exec(message)?.[1];
  const offset = position === undefined ? unexpectedToken(text) : Number(position);
  const lines = text.slice(0, offset).split("\n");
  return `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** Where the shortest beginning of the text ends that has one; where the text ends if none has. */
function unexpectedToken(text: string): number {
  let none = 0;
  let some = text.length + 1;
  while (some - none > 1) {
    const length = Math.floor((none + some) / 2);
    if (hasUnexpectedToken(text.slice(0, length))) some = length;
    else none = length;
  }
  return none;
}

function hasUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith("Unexpected token");
  }
}

function project(place: Place): Configuration {
  const fields = place.object(["projectMqtt", "apiKeys", "users", "workflows"]);
  const projectMqtt = fields.at("projectMqtt").level("projectMqtt");
  const apiKeys = fields
    .at("apiKeys")
    .list()
    .map((key) => key.checked(checkApiKey));
  const users = fields.at("users").list().map(user);
  checkDistinct(fields.at("users"), users);
  const accounts = users.flatMap((each) =>
    apiKeys.map((apiKey) => ({ projectMqtt, apiKey, ...each })),
  );
  const workflows = fields.has("workflows") ? fields.at("workflows").list().map(workflow) : [];
  const ofProject = rules(workflows).map(
    (rule): Rule =>
      (event, cloud, memory) =>
        event.projectMqtt === projectMqtt ? rule(event, cloud, memory) : undefined,
  );
  return { accounts, rules: ofProject };
}

/** A user logs in to a project of that name, and over REST with a key, which tells the project. */
function checkProjects(places: readonly Place[]): void {
  const fields = places.map((place) => place.object(undefined));
  const names = fields.map((each) => each.at("projectMqtt"));
  const keys = fields.flatMap((each) => each.at("apiKeys").list());
  checkGivenOnce(names, "is another project's, too");
  // Never its value: a key is a secret.
  checkGivenOnce(keys, "is an API key that the file gives before");
}

function checkGivenOnce(places: readonly Place[], fault: string): void {
  const texts = places.map((place) => place.text());
  const twice = places.find((_, at) => texts.indexOf(texts[at] ?? "") < at);
  if (twice) throw new ConfigError(`${twice.name} ${fault}`);
}

/** Two users of one name would both log in as the first. */
function checkDistinct(place: Place, users: readonly ReturnType<typeof user>[]): void {
  for (const name of ["userMqtt", "loginId"] as const) {
    const names = users.map((each) => each[name] ?? each.userMqtt);
    const twice = names.findIndex((each, at) => names.indexOf(each) < at);
    if (twice >= 0) throw new ConfigError(`${place.name}[${twice}].${name} is another user's, too`);
  }
}

function user(place: Place): Pick<Account, "userMqtt" | "userPassword" | "loginId" | "role"> {
  const fields = place.object(["userMqtt", "userPassword", "loginId", "role"]);
  const roles: readonly Role[] = ["basic", "business", "registration"];
  return {
    userMqtt: fields.at("userMqtt").level("userMqtt"),
    userPassword: fields.at("userPassword").text(),
    ...(fields.has("loginId") && { loginId: fields.at("loginId").text() }),
    ...(fields.has("role") && { role: fields.at("role").oneOf(roles) }),
  };
}

function workflow(place: Place): Workflow {
  const kinds = ["condition", "threshold", "summary", "welcome"] as const;
  const kind = place.object(undefined).at("kind").oneOf(kinds);
  switch (kind) {
    case "condition": {
      const fields = place.object(["kind", "when", "each", "send"]);
      return {
        kind,
        when: condition(fields.at("when")),
        ...(fields.has("each") && { each: fields.at("each").flag() }),
        send: message(fields.at("send")),
      };
    }
    case "threshold": {
      const fields = place.object(["kind", "tag", "limit", "above", "below"]);
      return {
        kind,
        tag: fields.at("tag").text(),
        limit: fields.at("limit").number(),
        above: fields.at("above").given(),
        below: fields.at("below").given(),
      };
    }
    case "summary": {
      const fields = place.object(["kind", "tag", "every", "groupId", "updateType"]);
      return {
        kind,
        tag: fields.at("tag").text(),
        every: fields.at("every").count(),
        groupId: fields.at("groupId").recipient("groupId"),
        updateType: fields.at("updateType").updateType(),
      };
    }
    case "welcome": {
      const fields = place.object(["kind", "updateType", "payload"]);
      return {
        kind,
        updateType: fields.at("updateType").updateType(),
        payload: fields.at("payload").given(),
      };
    }
  }
}

function condition(place: Place) {
  const fields = place.object(["tag", "above", "below", "equals"]);
  if (!fields.has("above") && !fields.has("below") && !fields.has("equals")) {
    throw new ConfigError(`${place.name} must give above, below or equals`);
  }
  return {
    tag: fields.at("tag").text(),
    ...(fields.has("above") && { above: fields.at("above").number() }),
    ...(fields.has("below") && { below: fields.at("below").number() }),
    ...(fields.has("equals") && { equals: fields.at("equals").scalar() }),
  };
}

function message(place: Place) {
  const kind = place
    .object(undefined)
    .at("kind")
    .oneOf(["event", "update", "group"] as const);
  if (kind === "group") {
    const fields = place.object(["kind", "groupId", "updateType", "payload"]);
    return {
      kind,
      groupId: fields.at("groupId").recipient("groupId"),
      updateType: fields.at("updateType").updateType(),
      payload: fields.at("payload").given(),
    };
  }
  const known = ["kind", "deviceId", "payload", ...(kind === "update" ? ["updateType"] : [])];
  const fields = place.object(known);
  const to = {
    ...(fields.has("deviceId") && { deviceId: fields.at("deviceId").recipient("deviceId") }),
    payload: fields.at("payload").given(),
  };
  return kind === "event"
    ? { kind, ...to }
    : { kind, updateType: fields.at("updateType").updateType(), ...to };
}

/** A value of the file under the name of its place: `projects[0].users[1].userMqtt`. */
class Place {
  readonly name: string;
  readonly #value: unknown;

  constructor(name: string, value: unknown) {
    this.name = name;
    this.#value = value;
  }

  /** With no other keys than the known ones, if they are given. */
  object(known: readonly string[] | undefined): Fields {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw this.#wrong("an object");
    }
    const stranger = known && Object.keys(value).find((key) => !known.includes(key));
    if (stranger !== undefined) {
      throw new ConfigError(
        `${this.name} has ${excerpt(stranger)}; ${known?.join(", ")} are what it may have`,
      );
    }
    const prefix = this.name === "the file" ? "" : `${this.name}.`;
    return {
      has: (key) => Object.hasOwn(value, key),
      at: (key) => new Place(prefix + key, (value as Record<string, unknown>)[key]),
    };
  }

  list(): Place[] {
    if (!Array.isArray(this.#value)) throw this.#wrong("a list");
    return this.#value.map((item, index) => new Place(`${this.name}[${index}]`, item));
  }

  text(): string {
    if (typeof this.#value !== "string" || this.#value === "") {
      throw this.#wrong("text that is not empty");
    }
    return this.#value;
  }

  number(): number {
    if (typeof this.#value !== "number" || !Number.isFinite(this.#value)) {
      throw this.#wrong("a number");
    }
    return this.#value;
  }

  /** A whole number, 1 at the least. */
  count(): number {
    const number = this.number();
    if (Number.isSafeInteger(number) && number >= 1) return number;
    throw this.#wrong("a whole number from 1 on");
  }

  flag(): boolean {
    if (typeof this.#value !== "boolean") throw this.#wrong("true or false");
    return this.#value;
  }

  scalar(): string | number | boolean {
    const value = this.#value;
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw this.#wrong("text, a number, true or false");
  }

  /** Anything that can be sent as JSON. */
  given(): unknown {
    if (isPlainJson(this.#value)) return this.#value;
    throw this.#wrong(`${DEEPEST_NESTING} levels deep at the most, without a number such as 1e999`);
  }

  oneOf<Choice extends string>(choices: readonly Choice[]): Choice {
    const choice = choices.find((candidate) => candidate === this.#value);
    if (choice === undefined) throw this.#wrong(`one of ${choices.join(", ")}`);
    return choice;
  }

  level(field: "projectMqtt" | "userMqtt"): string {
    return this.checked((value) => {
      const level = topicLevel(value, field);
      checkName(level, field);
      return level;
    });
  }

  recipient(field: "deviceId" | "groupId"): string {
    return this.checked(() => recipientLevel(this.text(), field));
  }

  updateType(): string {
    return this.checked(() => sentUpdateType(this.text()));
  }

  /** As a function of the wire contract has it, whose words never hold a secret. */
  checked<Result>(check: (value: unknown) => Result): Result {
    try {
      return check(this.#value);
    } catch (cause) {
      if (!(cause instanceof M1Error || cause instanceof Refused)) throw cause;
      throw new ConfigError(`${this.name}: ${cause.message}`, { cause });
    }
  }

  #wrong(expected: string): ConfigError {
    return new ConfigError(
      this.#value === undefined ? `${this.name} is missing` : `${this.name} must be ${expected}`,
    );
  }
}

interface Fields {
  has(key: string): boolean;
  at(key: string): Place;
}
