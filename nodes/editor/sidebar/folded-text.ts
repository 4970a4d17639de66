// A text of many lines, of which the first ones are shown until the rest is wanted.
import { shared } from "../explain";
import { button } from "./controls";

const SHORT = { lines: 8, characters: 600 };

/** Whatever it is, it stays text. */
export function foldedText(text: string): JQuery {
  const place = $("<pre>");
  const element = $('<div class="m1-text">').append(place);
  const beginning = beginningOf(text);
  place.text(beginning);
  if (beginning === text) return element;
  const more = shared("sidebar.showAll");
  const label = (isWhole: boolean) => (isWhole ? shared("sidebar.showLess") : more);
  const toggle = button("fa-ellipsis-h", more, () => {
    const isWhole = toggle.attr("aria-expanded") === "false";
    toggle.attr("aria-expanded", String(isWhole)).children("span").text(label(isWhole));
    place.text(isWhole ? text : beginning);
  });
  return element.append(toggle.attr("aria-expanded", "false"));
}

function beginningOf(text: string): string {
  const lines = text.split("\n");
  // One line more is no longer than the button.
  const isLong = lines.length > SHORT.lines + 1;
  const first = isLong ? `${lines.slice(0, SHORT.lines).join("\n")}\n` : text;
  const cut = first.slice(0, SHORT.characters);
  return cut === text ? text : `${cut.replace(/[\uD800-\uDBFF]$/, "")}…`;
}
