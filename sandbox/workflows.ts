// Small workflows that answer events, standing for those that a Medium One project runs. Each is
// plain data, so that a list of them can come from a file; `rules` gives the data its behaviour.
import type { Cloud, Rule } from "./cloud";
import type { StoredEvent } from "./stored-event";

export type Workflow = ThresholdWorkflow | SummaryWorkflow | WelcomeWorkflow;

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

/** Fresh rules, with nothing remembered: each sandbox needs its own. */
export function rules(workflows: readonly Workflow[] = DEMO_WORKFLOWS): Rule[] {
  return workflows.map(ruleOf);
}

function ruleOf(workflow: Workflow): Rule {
  switch (workflow.kind) {
    case "threshold":
      return threshold(workflow);
    case "summary":
      return summary(workflow);
    case "welcome":
      return welcome(workflow);
  }
}

function threshold({ tag, limit, above, below }: ThresholdWorkflow): Rule {
  const over = new Set<string>();
  return async (event, cloud) => {
    const value = event.eventData[tag];
    if (event.deviceId === "" || typeof value !== "number") return;
    const device = deviceKey(event);
    const isOver = value > limit;
    if (isOver === over.has(device)) return;
    if (isOver) over.add(device);
    else over.delete(device);
    await cloud.sendDeviceEvent(event.deviceId, isOver ? above : below);
  };
}

function summary({ tag, every, groupId, updateType }: SummaryWorkflow): Rule {
  const valuesOf = new Map<string, number[]>();
  return async (event, cloud) => {
    const value = event.eventData[tag];
    if (typeof value !== "number") return;
    const values = [...(valuesOf.get(event.projectMqtt) ?? []), value];
    const isDue = values.length >= every;
    valuesOf.set(event.projectMqtt, isDue ? [] : values);
    if (isDue) await sendSummary(cloud, groupId, updateType, tag, values);
  };
}

async function sendSummary(
  cloud: Cloud,
  groupId: string,
  updateType: string,
  tag: string,
  values: readonly number[],
): Promise<void> {
  const sum = values.reduce((total, value) => total + value, 0);
  const average = Math.round((sum / values.length) * 100) / 100;
  await cloud.sendGroupMessage(groupId, updateType, {
    count: values.length,
    [`average_${tag}`]: average,
  });
}

function welcome({ updateType, payload }: WelcomeWorkflow): Rule {
  const known = new Set<string>();
  return async (event, cloud) => {
    const device = deviceKey(event);
    if (event.deviceId === "" || known.has(device)) return;
    known.add(device);
    await cloud.sendUpdate(event.deviceId, updateType, payload);
  };
}

/** Device ids are unique within their user; no level holds a slash. */
function deviceKey({ projectMqtt, userMqtt, deviceId }: StoredEvent): string {
  return `${projectMqtt}/${userMqtt}/${deviceId}`;
}
