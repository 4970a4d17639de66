// What the sandbox's file may hold. The message of each fault is what is said after its place: " is missing".

import * as z from "zod/mini";
import { checkApiKey } from "../../nodes/protocol/credentials";
import { excerpt, M1Error } from "../../nodes/protocol/errors";
import { DEEPEST_NESTING, isPlainJson } from "../../nodes/protocol/event";
import { topicLevel } from "../../nodes/protocol/topic-level";
import { recipientLevel, sentUpdateType } from "../cloud/cloud-topics";
import { checkName } from "../cloud/names";
import { Refused } from "../cloud/refusal";

const text = z.string(must("text that is not empty")).check(z.minLength(1));
const number = z.number(must("a number"));
const updateType = checked(text, sentUpdateType);
const deviceId = checked(text, (value) => recipientLevel(value, "deviceId"));
const groupId = checked(text, (value) => recipientLevel(value, "groupId"));
/** Anything that can be sent as JSON. */
const payload = z
  .unknown()
  .check(
    z.refine(
      isPlainJson,
      must(`${DEEPEST_NESTING} levels deep at the most, without a number such as 1e999`),
    ),
  );

const user = object({
  userMqtt: level("userMqtt"),
  userPassword: text,
  loginId: z.exactOptional(text),
  role: z.exactOptional(oneOf(["basic", "business", "registration"])),
});

const condition = object({
  tag: text,
  above: z.exactOptional(number),
  below: z.exactOptional(number),
  equals: z.exactOptional(
    z.union([z.string(), z.number(), z.boolean()], must("text, a number, true or false")),
  ),
}).check(
  z.refine(({ above, below, equals }) => (above ?? below ?? equals) !== undefined, {
    error: " must give above, below or equals",
  }),
  z.meta({ anyOf: ["above", "below", "equals"].map((key) => ({ required: [key] })) }),
);

const message = oneOfKinds([
  object({ kind: z.literal("event"), deviceId: z.exactOptional(deviceId), payload }),
  object({ kind: z.literal("update"), deviceId: z.exactOptional(deviceId), updateType, payload }),
  object({ kind: z.literal("group"), groupId, updateType, payload }),
]);

const workflow = oneOfKinds([
  object({
    kind: z.literal("condition"),
    when: condition,
    each: z.exactOptional(z.boolean(must("true or false"))),
    send: message,
  }).check(z.meta({ description: "Sends when a tag of a device meets a condition" })),
  object({
    kind: z.literal("threshold"),
    tag: text,
    limit: number,
    above: payload,
    below: payload,
  }).check(z.meta({ description: "Sends the device an event when a tag crosses a limit" })),
  object({
    kind: z.literal("summary"),
    tag: text,
    every: z.int(must("a whole number from 1 on")).check(z.minimum(1)),
    groupId,
    updateType,
  }).check(z.meta({ description: "Sends a group the average of a tag after so many events" })),
  object({ kind: z.literal("welcome"), updateType, payload }).check(
    z.meta({ description: "Sends each new device an update, retained" }),
  ),
]);

const project = object({
  projectMqtt: level("projectMqtt"),
  apiKeys: list(checked(given("string"), checkApiKey)),
  users: list(user).check(
    // Two users of one name would both log in as the first.
    eachOnce(({ userMqtt }, at) => [[userMqtt, [at, "userMqtt"]]], " is another user's, too"),
    eachOnce(
      ({ loginId, userMqtt }, at) => [[loginId ?? userMqtt, [at, "loginId"]]],
      " is another user's, too",
    ),
  ),
  workflows: z.exactOptional(list(workflow)),
});

export const fileSchema = object({
  projects: list(project).check(
    // A user logs in to a project of that name, and over REST with a key, which tells the project.
    eachOnce(
      ({ projectMqtt }, at) => [[projectMqtt, [at, "projectMqtt"]]],
      " is another project's, too",
    ),
    // Never its value: a key is a secret.
    eachOnce(
      ({ apiKeys }, at) => apiKeys.map((key, index) => [key, [at, "apiKeys", index]]),
      " is an API key that the file gives before",
    ),
    z.refine(
      (projects) => projects.some(({ apiKeys, users }) => apiKeys.length * users.length > 0),
      { error: " must hold a user with an API key" },
    ),
  ),
  // For editors, which complete and check the file by it.
  $schema: z.exactOptional(z.string(must("text"))),
});

interface Fault {
  readonly code?: string;
  readonly input?: unknown;
}

function must(expected: string) {
  return {
    error: ({ input }: Fault) => (input === undefined ? " is missing" : ` must be ${expected}`),
  };
}

/** With no other keys than these. */
function object<Shape extends z.core.$ZodShape>(shape: Shape) {
  const known = Object.keys(shape).filter((key) => !key.startsWith("$"));
  const { error } = must("an object");
  return z.strictObject(shape, {
    error: (fault) =>
      fault.code === "unrecognized_keys"
        ? ` has ${excerpt(fault.keys[0] ?? "")}; ${known.join(", ")} are what it may have`
        : error(fault),
  });
}

function list<Item extends z.core.$ZodType>(item: Item) {
  return z.array(item, must("a list"));
}

function oneOf<const Choices extends readonly string[]>(choices: Choices) {
  return z.enum(choices, must(`one of ${choices.join(", ")}`));
}

/** Objects that their `kind` tells apart. */
function oneOfKinds<
  const Options extends readonly [z.core.$ZodTypeDiscriminable, ...z.core.$ZodTypeDiscriminable[]],
>(options: Options) {
  return z.discriminatedUnion("kind", options, {
    error: (fault) => {
      if (fault.code !== "invalid_union") return must("an object").error(fault);
      const { kind } = fault.input as { kind?: unknown };
      const kinds = fault.options as readonly string[];
      return must(`one of ${kinds.join(", ")}`).error({ input: kind });
    },
  });
}

function level(field: "projectMqtt" | "userMqtt") {
  return checked(given("string"), (value) => {
    const name = topicLevel(value, field);
    checkName(name, field);
    return name;
  });
}

/** Whatever is given, for a function of the wire contract to judge; editors are told the type. */
function given(type: string) {
  return z.unknown().check(z.meta({ type }));
}

/** As a function of the wire contract has it, whose words never hold a secret. */
function checked<Input, Output>(
  schema: z.ZodMiniType<Input>,
  check: (value: Input) => Output,
): z.ZodMiniType<Output> {
  const transform = z.transform((value: Input, context) => {
    try {
      return check(value);
    } catch (cause) {
      if (!(cause instanceof M1Error || cause instanceof Refused)) throw cause;
      context.issues.push({ code: "custom", input: value, message: `: ${cause.message}` });
      return z.NEVER;
    }
  });
  return z.pipe(schema, transform);
}

/** `textsOf` gives the texts of an item that no other text may equal, each with its place in the list. */
function eachOnce<Item>(
  textsOf: (item: Item, at: number) => (readonly [text: string, path: PropertyKey[]])[],
  fault: string,
) {
  return z.superRefine<readonly Item[]>((items, context) => {
    const seen = new Set<string>();
    for (const [value, path] of items.flatMap(textsOf)) {
      if (seen.has(value)) context.addIssue({ code: "custom", path, message: fault });
      seen.add(value);
    }
  });
}
