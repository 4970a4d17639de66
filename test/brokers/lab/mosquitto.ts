// mosquitto, with the topic tree's rights by a pattern: `%u` is `project/user`.
import { Mosquitto } from "../../support/mosquitto";
import { temporaryFolder } from "../../support/processes";
import { CLOUD_USER, DEVICE_PASSWORD, DEVICE_USER, type LabBroker, MqttCloud } from "../broker";

export const mosquitto: LabBroker = {
  name: "mosquitto",
  peculiarities: new Set(["grantsForbiddenSubscriptions"]),
  async start() {
    const { folder, remove } = await temporaryFolder();
    const broker = await Mosquitto.start({
      users: { [DEVICE_USER]: DEVICE_PASSWORD, [CLOUD_USER.username]: CLOUD_USER.password },
      acl: [
        "pattern write 0/%u/#",
        "pattern read 1/%u/#",
        `user ${DEVICE_USER}`,
        `topic read 2/${DEVICE_USER.split("/")[0]}/#`,
        `user ${CLOUD_USER.username}`,
        "topic readwrite #",
      ],
      // A power cut leaves what was written: without this it would keep everything in memory.
      settings: [
        "persistence true",
        `persistence_location ${folder}/`,
        "autosave_interval 1",
        "autosave_on_changes true",
      ],
    });
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
        await remove();
      },
    };
  },
};
