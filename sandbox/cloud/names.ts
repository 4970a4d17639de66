// How long names may be: what the sandbox keeps of them, and each topic made of them, stays within bounds.
import { M1Error } from "../../nodes/protocol/errors";
import { Refused } from "./refusal";

/** Of a device, group, update type, stream, user or project; of a filter as a whole. */
export const LONGEST_NAME = 1024;
/** MQTT-1.5.3: bytes of a string. */
const LONGEST_TOPIC = 65_535;
/** What aedes can route. */
const MOST_LEVELS = 100;
/** Of an update type: the topic adds its own. */
const MOST_LEVELS_OF_NAME = 90;

/** Throws Refused NAME_TOO_LONG or NAME_TOO_DEEP. */
export function checkName(name: string, what: string): void {
  const { length } = name;
  if (length > LONGEST_NAME) {
    throw Refused.because("NAME_TOO_LONG", { what, length, limit: LONGEST_NAME });
  }
  checkLevels(name, what, MOST_LEVELS_OF_NAME);
}

/** For a topic of any kind. Throws M1Error TOPIC_TOO_LONG, or Refused NAME_TOO_DEEP. */
export function checkTopic(topic: string): void {
  const length = new TextEncoder().encode(topic).length;
  if (length > LONGEST_TOPIC) throw new M1Error("TOPIC_TOO_LONG", { length, limit: LONGEST_TOPIC });
  checkLevels(topic, "topic", MOST_LEVELS);
}

function checkLevels(name: string, what: string, limit: number): void {
  const levels = name.split("/").length;
  if (levels > limit) throw Refused.because("NAME_TOO_DEEP", { what, levels, limit });
}
