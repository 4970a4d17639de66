// The messages that the sandbox retains, each with a button that removes it.
import type { RetainedRow, Some } from "../http/console-messages";
import { andMore, byId, element, showRows, timeOf } from "./page";
import { post } from "./post";

const list = byId("retained-list", HTMLElement);
const note = byId("retained-note", HTMLElement);

export function showRetained({ rows, total }: Some<RetainedRow>): void {
  const text = total === 0 ? "Nothing is retained." : andMore(rows.length, total);
  showRows(list, rows.map(itemOf), note, text);
}

function itemOf({ topic, payload, at }: RetainedRow): Node {
  const button = element("button", { type: "button" }, "Remove");
  button.setAttribute("aria-label", `Remove what is retained at ${topic}`);
  button.addEventListener("click", () => void remove(topic, button));
  return element(
    "li",
    { className: "retained" },
    element("code", {}, topic),
    element("code", { className: "payload" }, payload),
    element("span", { className: "meta" }, timeOf(at)),
    button,
  );
}

async function remove(topic: string, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  try {
    await post("console/remove", { topic });
  } catch (error) {
    button.disabled = false;
    note.textContent = (error as Error).message;
  }
}
