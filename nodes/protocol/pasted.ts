// What a text that someone pastes states of several fields at once: a username, a password or a topic
// as other programs and Medium One's pages write them (wire-contract: Authentication, Topics). And what a text is
// without that which came along with it.
import { parsePassword, parseUsername } from "./credentials";
import { type FieldName, M1Error } from "./errors";
import { EVERYONE, topicLevel } from "./topic-level";

export type PastedFields = Readonly<Partial<Record<FieldName, string>>>;

/** What people and programs put around a value: an opening quote and its closing one. */
const QUOTES = ['""', "''", "``", "“”", "„“", "‘’", "«»"];

/** A pasted value without white space and line breaks around it, and without quotes around the whole. */
export function pastedValue(text: string): string {
  const value = text.trim();
  const inner = value.slice(1, -1);
  const isQuoted = QUOTES.some(
    ([open = "", close = ""]) =>
      value === open + inner + close && !inner.includes(open) && !inner.includes(close),
  );
  return isQuoted && inner !== "" ? inner : value;
}

/**
 * The fields that `text`, pasted into the field `into`, states; undefined if it is nothing but a
 * value for that field. `apiKey` is the one known already: a user password may contain a slash, so
 * after another key it is just that.
 */
export function readPasted(text: string, into: FieldName, apiKey = ""): PastedFields | undefined {
  const pasted = pastedValue(text);
  if (into === "apiKey") return readPassword(pasted);
  if (into !== "userPassword") return readTopic(pasted) ?? parseUsername(pasted);
  return apiKey === "" || pasted.startsWith(`${apiKey}/`) ? readPassword(pasted) : undefined;
}

function readPassword(text: string): PastedFields | undefined {
  const password = parsePassword(text);
  return password?.userPassword ? password : undefined;
}

/** Topics and filters. What stands for everyone or for anything is no field's value. */
function readTopic(topic: string): PastedFields | undefined {
  const [direction, projectMqtt, third, fourth, fifth, ...rest] = topic.split("/");
  if (third === undefined) return undefined;
  switch (direction) {
    case "0":
      return stated({ projectMqtt, userMqtt: third, deviceId: fourth });
    case "1": {
      const receive = fifth === "event" || fifth === "update" ? fifth : undefined;
      const updateType = fifth === "update" ? rest.join("/") : undefined;
      return stated({ projectMqtt, userMqtt: third, deviceId: fourth, receive, updateType });
    }
    case "2": {
      const updateType = [fourth, fifth, ...rest].filter((level) => level !== undefined).join("/");
      return stated({ projectMqtt, groupId: third, updateType });
    }
    default:
      return undefined;
  }
}

function stated(fields: Partial<Record<FieldName, string | undefined>>): PastedFields | undefined {
  const says = ([, value]: [string, string | undefined]) =>
    value !== undefined && !["", "+", "#", EVERYONE].includes(value);
  const known = Object.entries(fields).filter(says) as [FieldName, string][];
  return known.every(isValid) ? Object.fromEntries(known) : undefined;
}

function isValid([field, value]: [FieldName, string]): boolean {
  try {
    for (const level of value.split("/")) topicLevel(level, field);
    return true;
  } catch (error) {
    if (error instanceof M1Error) return false;
    throw error;
  }
}
