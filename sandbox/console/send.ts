// The form that sends as the cloud would: to a device, as an update, to a group.
import type { Identity } from "../../nodes/protocol/topics";
import { type Recipient, recipientTopic } from "../cloud/cloud-topics";
import { Refused } from "../cloud/refusal";
import { localTime } from "../command/local-time";
import type { SendForm, SendResult } from "../http/console/console-messages";
import { isCut, shownId, shownUser } from "./device";
import { jsonFault } from "./json-fault";
import { byId, count, element } from "./page";
import { post } from "./post";

const MOST_DEVICES = 50;

const form = byId("send-form", HTMLFormElement);
const user = byId("send-user", HTMLSelectElement);
const device = byId("send-device", HTMLInputElement);
const group = byId("send-group", HTMLInputElement);
const type = byId("send-type", HTMLInputElement);
const payload = byId("send-payload", HTMLTextAreaElement);
const problem = byId("payload-problem", HTMLElement);
const asText = byId("send-as-text", HTMLInputElement);
const retain = byId("send-retain", HTMLInputElement);
const topic = byId("send-topic", HTMLOutputElement);
const result = byId("send-result", HTMLElement);
const devices = byId("devices", HTMLDataListElement);
const button = form.querySelector("button") as HTMLButtonElement;

let users: readonly Identity[] = [];

export function startSending(): void {
  device.value = shownId;
  form.addEventListener("input", refresh);
  form.addEventListener("change", (event) => {
    // An update is normally retained; the rest is not.
    const { target } = event;
    if (target instanceof HTMLInputElement && target.name === "kind") {
      retain.checked = target.value === "update";
    }
    refresh();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

export function setUsers(names: readonly Identity[]): void {
  users = names;
  const selected = user.value || shownUser;
  user.replaceChildren(
    ...names.map(({ projectMqtt, userMqtt }) => {
      const name = `${projectMqtt}/${userMqtt}`;
      return element("option", { value: name, selected: name === selected }, name);
    }),
  );
  // On a device's page, none rather than another's.
  if (shownUser !== "") user.value = selected;
  refresh();
}

/** A device was heard of: it is offered, and the first stands in the field already. */
export function offerDevice(deviceId: string): void {
  if (isCut(deviceId)) return;
  const known = [...devices.children].map((option) => (option as HTMLOptionElement).value);
  if (deviceId === "" || known.includes(deviceId) || known.length >= MOST_DEVICES) return;
  devices.append(element("option", { value: deviceId }));
  if (device.value !== "" || document.activeElement === device) return;
  device.value = deviceId;
  refresh();
}

function kind(): SendForm["kind"] {
  return new FormData(form).get("kind") as SendForm["kind"];
}

function recipient(): Recipient | undefined {
  const who = users[user.selectedIndex];
  if (!who) return undefined;
  const deviceId = device.value.trim();
  const updateType = type.value.trim();
  switch (kind()) {
    case "event":
      return { kind: "event", ...who, deviceId };
    case "update":
      return { kind: "update", ...who, deviceId, updateType };
    case "group":
      return { kind: "group", ...who, groupId: group.value.trim(), updateType };
  }
}

/** The fields that matter, the topic or what is wrong with it, and what is wrong with the payload. */
function refresh(): void {
  for (const part of form.querySelectorAll<HTMLElement>("[data-for]")) {
    part.hidden = !part.dataset.for?.split(" ").includes(kind());
  }
  const { text, state } = topicText();
  topic.textContent = text;
  topic.dataset.state = state;
  button.disabled = state !== "topic";
  problem.textContent = payloadProblem();
  payload.ariaInvalid = String(problem.textContent !== "");
}

interface TopicText {
  readonly text: string;
  readonly state: "topic" | "missing" | "wrong";
}

function topicText(): TopicText {
  const to = recipient();
  if (!to) return { text: "There is no user to send to", state: "missing" };
  try {
    return { text: recipientTopic(to), state: "topic" };
  } catch (error) {
    const { code, message } = Refused.from(error);
    return { text: message, state: code === "LEVEL_EMPTY" ? "missing" : "wrong" };
  }
}

/** In words; empty if it may be sent as it is. */
function payloadProblem(): string {
  if (payload.value === "" || asText.checked) return "";
  const fault = jsonFault(payload.value);
  return fault ? `Not JSON. ${fault}.` : "";
}

async function send(): Promise<void> {
  const to = recipient();
  if (!to || button.disabled) return;
  if (payload.ariaInvalid === "true") {
    say("Not sent: the payload is not JSON.", true);
    // There is read out what is wrong with it.
    payload.focus();
    return;
  }
  const message: SendForm = { ...to, payload: payload.value, retain: retain.checked };
  try {
    const { receivers, notRetained } = await post<SendResult>("console/send", message);
    const who =
      receivers === 0
        ? "no connected client subscribes to it"
        : `${count(receivers)} connected ${receivers === 1 ? "client subscribes" : "clients subscribe"} to it`;
    const unkept = notRetained ? " It is not retained: there is no room." : "";
    say(`Sent at ${localTime(new Date())}; ${who}.${unkept}`, notRetained === true);
  } catch (error) {
    say((error as Error).message, true);
  }
}

function say(text: string, isWrong: boolean): void {
  result.textContent = text;
  result.classList.toggle("wrong", isWrong);
}
