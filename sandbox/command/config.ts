// The sandbox's file: projects with their API keys, users and workflows. JSON, read strictly.
import * as z from "zod/mini";
import type { Account } from "../cloud/accounts";
import type { Rule } from "../cloud/cloud";
import { rules } from "../cloud/workflows";
import { fileSchema } from "./config-schema";
import { ConfigError, type Configuration } from "./configuration";

export { ConfigError, type Configuration } from "./configuration";

type File = z.infer<typeof fileSchema>;
type Project = File["projects"][number];

/** Throws ConfigError. */
export function parseConfig(text: string): Configuration {
  const { projects } = checked(json(text));
  return { accounts: projects.flatMap(accountsOf), rules: projects.flatMap(rulesOf) };
}

function json(text: string): unknown {
  try {
    // Editors of Windows may begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new ConfigError(`It is not JSON: see ${placeOfFault(text, cause as Error)}`);
  }
}

function checked(content: unknown): File {
  const { data, error } = z.safeParse(fileSchema, content);
  if (data) return data;
  // A misspelt key is why another is missing.
  const isStrange = ({ code }: z.core.$ZodIssue) => code === "unrecognized_keys";
  const fault = error.issues.find(isStrange) ?? error.issues[0];
  throw new ConfigError(`${placeName(fault?.path ?? [])}${fault?.message}`);
}

/** `projects[0].users[1].userMqtt` */
function placeName(path: readonly PropertyKey[]): string {
  const [first, ...steps] = path.map(String);
  if (first === undefined) return "the file";
  return [first, ...steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step}`))].join("");
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

function accountsOf({ projectMqtt, apiKeys, users }: Project): Account[] {
  return users.flatMap((user) => apiKeys.map((apiKey) => ({ projectMqtt, apiKey, ...user })));
}

function rulesOf({ projectMqtt, workflows = [] }: Project): Rule[] {
  return rules(workflows).map(
    (rule): Rule =>
      (event, cloud, memory) =>
        event.projectMqtt === projectMqtt ? rule(event, cloud, memory) : undefined,
  );
}
