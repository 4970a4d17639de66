// RabbitMQ with its MQTT plugin as docs/own-broker.md sets it up, with the topic tree's rights as topic permissions: `/` is `.` there.
import { freePort } from "../../support/processes";
import { RabbitMQ } from "../../support/rabbitmq";
import { type LabBroker, MqttCloud } from "../broker";
import { ownBrokerFile, ownRabbitMQ } from "../own-broker-files";

export const rabbitmq: LabBroker = {
  name: "RabbitMQ",
  peculiarities: new Set([
    "closesOnMqtt5",
    "qos2AsQoS1",
    "retainedOnlyForExactTopics",
    "dotBecomesSlash",
    "starBecomesPlus",
    "closesOnRefusedPublish",
    "closesOnForbiddenSubscription",
  ]),
  async start() {
    const broker = await RabbitMQ.start(
      ownBrokerFile("rabbitmq-users.sh"),
      1,
      ownRabbitMQ(await freePort()),
    );
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
