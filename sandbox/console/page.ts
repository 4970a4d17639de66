// The page's elements: looked up by their id, and made with text that is never taken for markup.
import { localTime } from "../command/local-time";

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

/**
 * Whoever is in a list by keyboard stays there while its rows are replaced: at the same row, if there
 * still is one of its `key`, or else at the one in its place.
 */
export function replaceRows(list: HTMLElement, rows: readonly HTMLElement[]): void {
  const old = [...list.children] as HTMLElement[];
  const focused = document.activeElement;
  const place = old.findIndex((row) => row.contains(focused));
  list.replaceChildren(...rows);
  if (place < 0 || !focused) return;
  const key = old[place]?.dataset.key;
  const same = rows.find((row) => row.dataset.key === key);
  const next = same ?? rows[Math.min(place, rows.length - 1)];
  // With no row left, the list itself: it is where one was.
  const target = next?.querySelector<HTMLElement>(focused.localName) ?? list;
  target.focus({ preventScroll: same !== undefined });
}

/** Makes a change that leaves what the pointer is on where it is: the page scrolls instead, and grows for it. */
export function withoutJump(change: () => void): void {
  const pointedAt = [...document.querySelectorAll(":hover")].at(-1);
  const top = () => (pointedAt?.isConnected ? pointedAt.getBoundingClientRect().top : before);
  const before = pointedAt?.getBoundingClientRect().top ?? 0;
  change();
  scrollBy(0, top() - before);
  const missing = top() - before;
  if (missing <= 0) return;
  document.body.style.minHeight = `${document.documentElement.scrollHeight + missing}px`;
  scrollBy(0, missing);
}

/** "and 12 more", if there are more than are shown. */
export function andMore(shown: number, total: number): string {
  return total > shown ? `and ${count(total - shown)} more` : "";
}

const numbers = new Intl.NumberFormat("en");

export function count(value: number): string {
  return numbers.format(value);
}

/** Text that is broken after a comma rather than within a word: JSON has no spaces. */
export function breakable(text: string): (Node | string)[] {
  const parts = text.split(/(?<=,)/);
  return parts.flatMap((part, at) => (at === 0 ? [part] : [document.createElement("wbr"), part]));
}

/** A time for the eye, with all of it for the pointer. */
export function timeOf(time: string): HTMLElement {
  return element("time", { dateTime: time, title: time }, localTime(new Date(time)));
}
