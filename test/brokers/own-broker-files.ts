// The files of docs/own-broker, as the lab starts brokers with them: the same text, with the lab's ports and folders.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { run } from "../support/processes";
import type { Configure } from "../support/rabbitmq";

const FOLDER = path.join(__dirname, "../../docs/own-broker");

export function ownBrokerFile(name: string): string {
  return path.join(FOLDER, name);
}

/** mosquitto.conf with users, rights and certificates in `folder`, and TLS on a port of its own. */
export async function ownMosquitto(folder: string, port: number, tlsPort: number): Promise<string> {
  await run("sh", [ownBrokerFile("certificates.sh"), folder, "IP:127.0.0.1"]);
  await run("sh", [ownBrokerFile("mosquitto-users.sh"), folder]);
  const acl = await readFile(ownBrokerFile("mosquitto.acl"), "utf8");
  await run("sh", ["-c", `cat > "${folder}/acl"`], { input: acl });
  return replaced(await readFile(ownBrokerFile("mosquitto.conf"), "utf8"), [
    ["listener 1883 127.0.0.1", `listener ${port} 127.0.0.1`],
    ["listener 8883", `listener ${tlsPort} 127.0.0.1`],
    ["/etc/mosquitto/m1/", `${folder}/`],
    ["/var/lib/mosquitto/", `${folder}/`],
  ]);
}

/** rabbitmq.conf with the certificates in the node's home; the users come with `rabbitmq-users.sh`. */
export function ownRabbitMQ(tlsPort: number): Configure {
  return async ({ home, amqp, mqtt }) => {
    await run("sh", [ownBrokerFile("certificates.sh"), home, "IP:127.0.0.1"]);
    return replaced(await readFile(ownBrokerFile("rabbitmq.conf"), "utf8"), [
      ["127.0.0.1:5672", `127.0.0.1:${amqp}`],
      ["127.0.0.1:1883", `127.0.0.1:${mqtt}`],
      ["0.0.0.0:8883", `127.0.0.1:${tlsPort}`],
      ["/etc/rabbitmq/m1/", `${home}/`],
    ]);
  };
}

/** Each must be there: what the page says and the lab does not do would not be tested. */
function replaced(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((result, [from, to]) => {
    if (!result.includes(from)) throw new Error(`${from} is not in the file`);
    return result.replaceAll(from, to);
  }, text);
}
