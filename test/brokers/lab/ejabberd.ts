// ejabberd's MQTT module. Its users are JIDs, whose name has no `/`: a door before it puts `+` there.
import { Ejabberd } from "../../support/ejabberd";
import { UsernameDoor } from "../../support/username-door";
import { CLOUD_USER, DEVICE_PASSWORD, DEVICE_USER, type LabBroker, MqttCloud } from "../broker";

const PROJECT = DEVICE_USER.split("/")[0];

export const ejabberd: LabBroker = {
  name: "ejabberd",
  peculiarities: new Set(["refusesSubscriptionUnreadably"]),
  async start() {
    const broker = await Ejabberd.start({
      [jidName(DEVICE_USER)]: {
        password: DEVICE_PASSWORD,
        write: [`0/${DEVICE_USER}/#`],
        read: [`1/${DEVICE_USER}/#`, `2/${PROJECT}/#`],
      },
      [CLOUD_USER.username]: { password: CLOUD_USER.password, write: ["#"], read: ["#"] },
    });
    const door = await UsernameDoor.start(broker.port, jidName);
    const cloud = new MqttCloud();
    await cloud.connect(broker.url);
    return {
      url: door.url,
      cloud,
      async kill() {
        door.close();
        await broker.kill();
      },
      async resume() {
        await broker.resume();
        // It has forgotten who subscribed to what: an event that came before the cloud would be nobody's.
        await cloud.subscribe();
        door.open();
      },
      async stop() {
        await cloud.leave();
        await door.stop();
        await broker.stop();
      },
    };
  },
};

function jidName(username: string): string {
  return username.replace("/", "+");
}
