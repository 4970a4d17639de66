// A small machine: Node-RED on one core with a heap of 128 MB, sending and receiving as on a large one.
import { SMALL, SMALL_CORE } from "../node-red";
import type { Scenario } from "../scenario";
import { deviceInOne } from "./device-in";
import { eventOut } from "./event-out";

const title = (what: string) => `small machine: ${what}`;

const scenarios: readonly Scenario[] = [
  eventOut({
    id: "small-machine",
    title: title("event out, QoS 1, memory"),
    launch: SMALL,
    qos: 1,
    outbox: "memory",
    targets: { core: 1.05 },
  }),
  eventOut({
    id: "small-machine",
    title: title("event out, QoS 1, disk outbox"),
    launch: SMALL,
    qos: 1,
    outbox: "disk",
    targets: { core: 1 },
  }),
  deviceInOne({
    id: "small-machine",
    title: title("device in, QoS 1, JSON, 1 node"),
    launch: SMALL,
    targets: { "core, 1": 1 },
  }),
];

export const smallMachine = scenarios.map((scenario) => ({ ...scenario, core: SMALL_CORE }));
