// A program that uses connections and closes them; it has to end by itself.
import { once } from "node:events";
import { connectionTo, onlineConnection, openConnection, reaches } from "./connections";
import { deviceRequest, subscriber } from "./subscribers";

async function visit(url: string): Promise<void> {
  const timing = { stable: 60_000, deploy: 60_000, refusedRetry: 60_000, longestRetry: 60_000 };
  const broken = openConnection(
    { url: "mqtts://127.0.0.1:1" },
    { settings: { tls: { key: "no key", cert: "no certificate" } }, timing },
  );
  await reaches(broken, "offline");
  await broken.close();

  const opening = openConnection({ url }, { timing });
  await opening.close();

  const unused = connectionTo({ url }, { timing });
  await unused.close();

  const connection = await onlineConnection({ url }, { timing });
  const one = subscriber(deviceRequest(""));
  connection.addSubscriber(one);
  connection.endDeploy();
  const other = subscriber(deviceRequest("pump"));
  connection.addSubscriber(other);
  connection.removeSubscriber(other);
  connection.endDeploy();
  // Node-RED closes a config node and its users in no certain order.
  const closed = once(connection, "state").then(() => connection.removeSubscriber(one));
  await Promise.all([connection.close(), closed]);
  connection.removeSubscriber(one);
}

void visit(process.argv[2] ?? "");
