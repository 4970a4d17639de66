// RabbitMQ with its MQTT plugin, with the topic tree's rights as topic permissions: `/` is `.` there.
import { RabbitMQ, type Users } from "../../support/rabbitmq";
import { CLOUD_USER, DEVICE_PASSWORD, DEVICE_USER, type LabBroker, MqttCloud } from "../broker";

const OWN = DEVICE_USER.replace("/", "\\.");
const PROJECT = DEVICE_USER.split("/")[0];

export const RABBITMQ_USERS: Users = {
  [DEVICE_USER]: {
    password: DEVICE_PASSWORD,
    write: `^0\\.${OWN}\\.`,
    read: `^(1\\.${OWN}|2\\.${PROJECT})\\.`,
  },
  [CLOUD_USER.username]: { password: CLOUD_USER.password },
};

export const rabbitmq: LabBroker = {
  name: "RabbitMQ",
  peculiarities: new Set([
    "noMqtt5",
    "qos2AsQoS1",
    "retainedOnlyForExactTopics",
    "dotBecomesSlash",
    "starBecomesPlus",
    "closesOnRefusedPublish",
    "closesOnForbiddenSubscription",
  ]),
  async start() {
    const broker = await RabbitMQ.start(RABBITMQ_USERS);
    const [node] = broker.nodes;
    if (!node) throw new Error("RabbitMQ has no node");
    const cloud = new MqttCloud();
    await cloud.connect(node.url);
    return {
      url: node.url,
      cloud,
      kill: () => node.kill(),
      resume: () => node.resume(),
      async stop() {
        await cloud.leave();
        await broker.stop();
      },
    };
  },
};
