// Small workflows that answer events, standing for those that a Medium One project runs. Each is
// plain data, so that a list of them can come from a file; `rules` gives the data its behaviour.
// What a rule remembers from one event to the next is the sandbox's to keep, within bounds.
import type { Cloud, Rule } from "./cloud";
import type { StoredEvent } from "./stored-event";

export type Workflow = ConditionWorkflow | ThresholdWorkflow | SummaryWorkflow | WelcomeWorkflow;

/** A message when a condition on a tag begins to hold for a device. */
export interface ConditionWorkflow {
  readonly kind: "condition";
  readonly when: Condition;
  /** For each event for which it holds, not only for the first after one for which it did not. */
  readonly each?: boolean;
  readonly send: Message;
}

/** All that is given must hold. */
export interface Condition {
  /** A tag in another is named with a dot: `battery.level`. */
  readonly tag: string;
  readonly above?: number;
  readonly below?: number;
  readonly equals?: string | number | boolean;
}

/** To the device of the event unless another, or `_all`, is named. An update is retained. */
export type Message =
  | { readonly kind: "event"; readonly deviceId?: string; readonly payload: unknown }
  | {
      readonly kind: "update";
      readonly deviceId?: string;
      readonly updateType: string;
      readonly payload: unknown;
    }
  | {
      readonly kind: "group";
      readonly groupId: string;
      readonly updateType: string;
      readonly payload: unknown;
    };

/** A device event whenever a tag of the device crosses a limit, in either direction. */
export interface ThresholdWorkflow {
  readonly kind: "threshold";
  readonly tag: string;
  readonly limit: number;
  /** Sent when the tag rises over the limit. */
  readonly above: unknown;
  /** Sent when it is back at the limit or below. */
  readonly below: unknown;
}

/** A group message with count and average of a tag, after every so many events of a project. */
export interface SummaryWorkflow {
  readonly kind: "summary";
  readonly tag: string;
  /** Events, of which only those that carry the tag count. */
  readonly every: number;
  readonly groupId: string;
  readonly updateType: string;
}

/** A retained update for each device that is heard of for the first time. */
export interface WelcomeWorkflow {
  readonly kind: "welcome";
  readonly updateType: string;
  readonly payload: unknown;
}

export const DEMO_WORKFLOWS: readonly Workflow[] = [
  { kind: "welcome", updateType: "config", payload: { interval: 2 } },
  {
    kind: "threshold",
    tag: "temperature",
    limit: 30,
    above: { fan: "on" },
    below: { fan: "off" },
  },
  { kind: "summary", tag: "temperature", every: 10, groupId: "demo-group", updateType: "summary" },
];

export function rules(workflows: readonly Workflow[] = DEMO_WORKFLOWS): Rule[] {
  return workflows.map(ruleOf);
}

function ruleOf(workflow: Workflow): Rule {
  switch (workflow.kind) {
    case "condition":
      return conditional(workflow);
    case "threshold":
      return threshold(workflow);
    case "summary":
      return summary(workflow);
    case "welcome":
      return welcome(workflow);
  }
}

function conditional({ when, each = false, send }: ConditionWorkflow): Rule {
  return async (event, cloud, holding) => {
    const device = deviceKey(event);
    const held = holding.get(device) === true;
    const value = tagOf(event.eventData, when.tag);
    // An event without the tag says nothing about it.
    if (value === undefined) return;
    const holds = holdsFor(when, value);
    if (holds) holding.set(device, true);
    else holding.delete(device);
    if (holds && (each || !held)) await sendMessage(cloud, send, event.deviceId);
  };
}

function holdsFor({ above, below, equals }: Condition, value: unknown): boolean {
  if (equals !== undefined && value !== equals) return false;
  if (above === undefined && below === undefined) return true;
  if (typeof value !== "number") return false;
  return value > (above ?? Number.NEGATIVE_INFINITY) && value < (below ?? Number.POSITIVE_INFINITY);
}

/** The tag of that very name, or else the one inside another that the dots lead to. */
function tagOf(tags: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(tags, path)) return tags[path];
  let value: unknown = tags;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

async function sendMessage(cloud: Cloud, message: Message, ofEvent: string): Promise<void> {
  if (message.kind === "group") {
    await cloud.sendGroupMessage(message.groupId, message.updateType, message.payload);
    return;
  }
  const deviceId = message.deviceId ?? ofEvent;
  // An event of no device has nobody to answer.
  if (deviceId === "") return;
  if (message.kind === "event") await cloud.sendDeviceEvent(deviceId, message.payload);
  else await cloud.sendUpdate(deviceId, message.updateType, message.payload);
}

function threshold({ tag, limit, above, below }: ThresholdWorkflow): Rule {
  return async (event, cloud, over) => {
    const value = event.eventData[tag];
    if (event.deviceId === "" || typeof value !== "number") return;
    const device = deviceKey(event);
    const isOver = value > limit;
    if (isOver === (over.get(device) === true)) return;
    if (isOver) over.set(device, true);
    else over.delete(device);
    await cloud.sendDeviceEvent(event.deviceId, isOver ? above : below);
  };
}

function summary({ tag, every, groupId, updateType }: SummaryWorkflow): Rule {
  return async (event, cloud, tallies) => {
    const value = event.eventData[tag];
    if (typeof value !== "number") return;
    const project = event.projectMqtt;
    const tally = (tallies.get(project) as Tally | undefined) ?? { count: 0, mean: 0 };
    const count = tally.count + 1;
    // Neither a sum nor a difference: of large numbers, both may be too large for a number.
    const mean = tally.mean + (value / count - tally.mean / count);
    tallies.set(project, { count, mean });
    if (count < every) return;
    tallies.delete(project);
    await cloud.sendGroupMessage(groupId, updateType, {
      count,
      [`average_${tag}`]: toHundredths(mean),
    });
  };
}

interface Tally {
  readonly count: number;
  readonly mean: number;
}

/** A number too large to have hundredths stays as it is. */
function toHundredths(value: number): number {
  const hundredths = Math.round(value * 100);
  return Number.isFinite(hundredths) ? hundredths / 100 : value;
}

function welcome({ updateType, payload }: WelcomeWorkflow): Rule {
  return async (event, cloud, known) => {
    const device = deviceKey(event);
    if (event.deviceId === "" || known.get(device) === true) return;
    known.set(device, true);
    await cloud.sendUpdate(event.deviceId, updateType, payload);
  };
}

/** Device ids are unique within their user; no level holds a slash. */
function deviceKey({ projectMqtt, userMqtt, deviceId }: StoredEvent): string {
  return `${projectMqtt}/${userMqtt}/${deviceId}`;
}
