// The messages that the sandbox retains, each with a button that removes it.
import type { RetainedRow, Some } from "../http/console/console-messages";
import { deviceName } from "./device";
import { andMore, byId, element, replaceRows, timeOf } from "./page";
import { post } from "./post";

const list = byId("retained-list", HTMLElement);
const note = byId("retained-note", HTMLElement);

/** `none` is what to say if there are no rows. */
export function showRetained({ rows, total }: Some<RetainedRow>, none: string): void {
  replaceRows(list, rows.map(itemOf));
  note.textContent = total === 0 ? none : andMore(rows.length, total);
}

function itemOf({ topic, payload, at }: RetainedRow): HTMLElement {
  const button = element("button", { type: "button" }, "Remove");
  button.setAttribute("aria-label", `Remove what is retained at ${topic}`);
  button.addEventListener("click", () => void remove(topic, button));
  const item = element(
    "li",
    { className: "retained" },
    element("code", {}, ...topicParts(topic)),
    element("code", { className: "payload" }, payload),
    element("span", { className: "meta" }, timeOf(at)),
    button,
  );
  item.dataset.key = topic;
  return item;
}

/** The topic; what is for a device leads to its page. */
function topicParts(topic: string): (Node | string)[] {
  const [direction, project, user, id = "", ...rest] = topic.split("/");
  if (direction !== "1") return [topic];
  const owner = `${project}/${user}`;
  return [`1/${owner}/`, deviceName(owner, id), ...rest.map((level) => `/${level}`)];
}

async function remove(topic: string, button: HTMLButtonElement): Promise<void> {
  // Not `disabled`, which would take the focus away.
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await post("console/remove", { topic });
  } catch (error) {
    button.ariaDisabled = null;
    note.textContent = (error as Error).message;
  }
}
