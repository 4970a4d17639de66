// mosquitto as docs/own-broker.md sets it up, with the topic tree's rights by a pattern: `%u` is `project/user`.
import { Mosquitto } from "../../support/mosquitto";
import { freePort } from "../../support/processes";
import { type LabBroker, MqttCloud } from "../broker";
import { ownMosquitto } from "../own-broker-files";

export const mosquitto: LabBroker = {
  name: "mosquitto",
  peculiarities: new Set(["grantsForbiddenSubscriptions"]),
  async start() {
    const tlsPort = await freePort();
    const broker = await Mosquitto.startWith((folder, port) => ownMosquitto(folder, port, tlsPort));
    const cloud = new MqttCloud();
    await cloud.connect(broker.url);
    return {
      url: broker.url,
      cloud,
      kill: () => broker.kill(),
      resume: () => broker.resume(),
      async stop() {
        await cloud.leave();
        await broker.stop();
      },
    };
  },
};
