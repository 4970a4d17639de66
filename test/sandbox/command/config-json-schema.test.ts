// The JSON Schema that editors complete and check the sandbox's file by (sandbox/command/config-json-schema.ts).
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import path from "node:path";
import { DEMO_ACCOUNT, DEMO_REGISTRATION } from "../../../sandbox/cloud/accounts";
import { DEMO_WORKFLOWS } from "../../../sandbox/cloud/workflows";
import { parseConfig } from "../../../sandbox/command/config";
import { configJsonSchema } from "../../../sandbox/command/config-json-schema";

/** What of JSON Schema the file's has. */
interface Schema {
  readonly type?: string | string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minLength?: number;
  readonly minimum?: number;
}

const USER = { userMqtt: "gateway", userPassword: "secret" };
const PROJECT = { projectMqtt: "plant", apiKeys: ["KEY"], users: [USER] };
const SEND = { kind: "group", groupId: "g", updateType: "x", payload: null };

describe("sandbox: JSON Schema of the file", () => {
  const schema = configJsonSchema() as Schema;

  const files: [what: string, content: unknown][] = [
    ["what docs/sandbox.md shows", documented()],
    ["the demo's users and workflows", demo()],
    ["a file that names its schema", { $schema: "./sandbox.schema.json", projects: [PROJECT] }],
    ["a condition and a group message", inFlow({ kind: "condition", when: when(1), send: SEND })],
  ];
  for (const [what, content] of files) {
    it(`has nothing against ${what}, and nor has the sandbox`, () => {
      assert.deepEqual(faults(schema, content), []);
      parseConfig(JSON.stringify(content));
    });
  }

  const mistakes: [what: string, content: unknown, fault: string][] = [
    ["a misspelt key", { project: [] }, ": no key project"],
    ["a missing key", {}, ": projects is missing"],
    ["an empty password", inUser({ userPassword: "" }), ".projects.0.users.0.userPassword: short"],
    ["an unknown role", inUser({ role: "king" }), ".projects.0.users.0.role: not listed"],
    ["an unknown workflow", inFlow({ kind: "magic" }), ".projects.0.workflows.0: none of 4"],
    [
      "a condition on nothing",
      inFlow({ kind: "condition", when: { tag: "t" }, send: SEND }),
      ".projects.0.workflows.0: none of 4",
    ],
    [
      "a summary of half an event",
      inFlow({ kind: "summary", tag: "t", every: 0.5, groupId: "g", updateType: "x" }),
      ".projects.0.workflows.0: none of 4",
    ],
    ["text for a list", { projects: "plant" }, ".projects: not array"],
  ];
  for (const [what, content, fault] of mistakes) {
    it(`refuses ${what}, and so does the sandbox`, () => {
      assert.ok(faults(schema, content).includes(fault), faults(schema, content).join("\n"));
      assert.throws(() => parseConfig(JSON.stringify(content)));
    });
  }
});

function documented(): unknown {
  const page = readFileSync(path.join(__dirname, "../../../docs/sandbox.md"), "utf8");
  return JSON.parse(/```json\n(.*?)```/s.exec(page)?.[1] ?? "");
}

function demo(): unknown {
  const { projectMqtt, apiKey } = DEMO_ACCOUNT;
  const users = [DEMO_ACCOUNT, DEMO_REGISTRATION].map(
    ({ projectMqtt: _project, apiKey: _key, ...user }) => user,
  );
  return { projects: [{ projectMqtt, apiKeys: [apiKey], users, workflows: DEMO_WORKFLOWS }] };
}

function inUser(change: object) {
  return { projects: [{ ...PROJECT, users: [{ ...USER, ...change }] }] };
}

function inFlow(workflow: object) {
  return { projects: [{ ...PROJECT, workflows: [workflow] }] };
}

function when(above: number) {
  return { tag: "t", above };
}

/** Where a value is not as the schema has it. Throws a TypeError for a keyword that it does not know. */
function faults(schema: Schema, value: unknown, at = ""): string[] {
  const checks: { readonly [Keyword in keyof Required<Schema>]: () => string[] } = {
    type: () => {
      const types = [schema.type ?? []].flat();
      return types.some((type) => isOf(type, value)) ? [] : [`${at}: not ${types.join(" or ")}`];
    },
    properties: () =>
      entriesOf(value).flatMap(([key, inner]) => {
        const known = schema.properties?.[key];
        return known ? faults(known, inner, `${at}.${key}`) : [];
      }),
    required: () => {
      const missing = schema.required?.filter((key) => !entriesOf(value).some(([k]) => k === key));
      return (missing ?? []).map((key) => `${at}: ${key} is missing`);
    },
    additionalProperties: () => {
      const known = Object.keys(schema.properties ?? {});
      const strangers = entriesOf(value).filter(([key]) => !known.includes(key));
      return strangers.map(([key]) => `${at}: no key ${key}`);
    },
    items: () =>
      (Array.isArray(value) ? value : []).flatMap((item, index) =>
        faults(schema.items ?? {}, item, `${at}.${index}`),
      ),
    oneOf: () => noneOf(schema.oneOf ?? [], value, at),
    anyOf: () => noneOf(schema.anyOf ?? [], value, at),
    const: () => (value === schema.const ? [] : [`${at}: another`]),
    enum: () => (schema.enum?.includes(value) ? [] : [`${at}: not listed`]),
    minLength: () => (String(value).length < (schema.minLength ?? 0) ? [`${at}: short`] : []),
    minimum: () => (Number(value) < (schema.minimum ?? 0) ? [`${at}: small`] : []),
  };
  const notes = ["title", "description", "$schema", "maximum"];
  return Object.keys(schema)
    .filter((keyword) => !notes.includes(keyword))
    .flatMap((keyword) => checks[keyword as keyof Schema]());
}

function noneOf(options: readonly Schema[], value: unknown, at: string): string[] {
  const fits = options.some((option) => faults(option, value).length === 0);
  return fits ? [] : [`${at}: none of ${options.length}`];
}

function isOf(type: string, value: unknown): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && !Array.isArray(value);
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}
