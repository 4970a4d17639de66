// The page's elements: looked up by their id, and made with text that is never taken for markup.

/** Throws ReferenceError if index.html has no such element of that kind. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new ReferenceError(`index.html has no ${kind.name} #${id}`);
}

/** Children that are strings become text. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** A list's rows, and under it what there is to say about them. */
export function showRows(
  list: HTMLElement,
  rows: readonly Node[],
  note: HTMLElement,
  text: string,
) {
  list.replaceChildren(...rows);
  note.textContent = text;
}

/** "and 12 more", if there are more than are shown. */
export function andMore(shown: number, total: number): string {
  return total > shown ? `and ${count(total - shown)} more` : "";
}

const numbers = new Intl.NumberFormat("en");

export function count(value: number): string {
  return numbers.format(value);
}

/** Local time to the millisecond: `14:03:07.250`. */
export function clock(time: string): string {
  const date = new Date(time);
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(
    (part) => String(part).padStart(2, "0"),
  );
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A time for the eye, with all of it for the pointer. */
export function timeOf(time: string): HTMLElement {
  return element("time", { dateTime: time, title: time }, clock(time));
}
