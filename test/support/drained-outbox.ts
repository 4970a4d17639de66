// What an outbox gives out that finds a folder, as a process would that starts with it.
import assert from "node:assert/strict";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";

export interface Drained {
  readonly payloads: readonly string[];
  /** So many were told as lost. */
  readonly told: number;
}

/** What an outbox on that folder gives out; opened again it is empty, and undamaged. */
export async function drained(folder: string, userMqtt: string): Promise<Drained> {
  const first = await givenOut(folder, userMqtt);
  const second = await givenOut(folder, userMqtt);
  assert.deepEqual(second, { payloads: [], told: 0, warnings: [] });
  return first;
}

const NEW = { topic: "t", payload: "new", qos: 1, done: () => undefined } as const;

/** Until a new event comes after them. */
async function givenOut(folder: string, userMqtt: string) {
  const { projectMqtt } = DEMO_ACCOUNT;
  const store = new EventStore(folder, { projectMqtt, userMqtt });
  const endless = Number.POSITIVE_INFINITY;
  const policy = { limit: 1_000_000, full: "reject", bytes: endless, maxAge: endless } as const;
  const outbox = new Outbox(policy, { store });
  const warnings: string[] = [];
  outbox.onWarning = ({ message }) => warnings.push(message);
  const payloads: string[] = [];
  outbox.add(NEW);
  while (payloads.at(-1) !== NEW.payload) {
    const ready = new Promise<void>((resolve) => {
      outbox.onReady = resolve;
    });
    for (let event = outbox.next(); event; event = outbox.next()) {
      payloads.push(event.payload);
      outbox.acknowledge(event);
    }
    if (payloads.at(-1) !== NEW.payload) await ready;
  }
  await outbox.close();
  return { payloads: payloads.slice(0, -1), told: outbox.losses.unreadable, warnings };
}
