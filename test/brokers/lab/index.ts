// The brokers of the lab. A new one is a file here and a line in this list; no promise changes with it.
import type { LabBroker } from "../broker";
import { ejabberd } from "./ejabberd";
import { mosquitto } from "./mosquitto";
import { rabbitmq } from "./rabbitmq";
import { sandbox } from "./sandbox";

export const LAB: readonly LabBroker[] = [mosquitto, rabbitmq, ejabberd, sandbox];
