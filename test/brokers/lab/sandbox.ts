// The sandbox: aedes with Medium One's rules in front of it.
import { EventEmitter, once } from "node:events";
import { eventTopic } from "../../../nodes/protocol/topics";
import { Sandbox } from "../../../sandbox/sandbox";
import { freePort } from "../../support/processes";
import type { Cloud, LabBroker, Message } from "../broker";

export const sandbox: LabBroker = {
  name: "the sandbox",
  peculiarities: new Set(["refusesMqtt5", "closesOnRefusedPublish"]),
  async start() {
    const port = await freePort();
    const heard: Message[] = [];
    const changes = new EventEmitter().setMaxListeners(0);
    let running = await open();

    async function open(): Promise<Sandbox> {
      const started = new Sandbox({ port });
      await started.start();
      started.on("event", (event) => {
        heard.push({ topic: eventTopic(event, event.deviceId), payload: event.raw });
        changes.emit("heard");
      });
      return started;
    }

    const cloud: Cloud = {
      heard,
      async send(topic, payload, options) {
        await running.publishRaw(topic, payload, options);
      },
      async until(enough) {
        while (!enough(heard)) await once(changes, "heard");
      },
    };
    return {
      url: running.url,
      cloud,
      kill: () => running.stop(),
      async resume() {
        running = await open();
      },
      stop: () => running.stop(),
    };
  },
};
