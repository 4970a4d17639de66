// A list that is longer than its place: it fades at its end, and a note says how many of it are further down.
import { byId, count } from "./page";

/** Of the list `#<id>-list`, with its note `#<id>-below`; from now on. Its items are the children of `items`. */
export function tellFurtherDown(
  id: string,
  what: readonly [one: string, several: string],
  items = byId(`${id}-list`, HTMLElement),
): void {
  const list = byId(`${id}-list`, HTMLElement);
  const note = byId(`${id}-below`, HTMLElement);
  const tell = () => {
    const { bottom } = list.getBoundingClientRect();
    const places = [...items.children].map((item) => item.getBoundingClientRect());
    const below = places.filter((place) => place.bottom > bottom + 1).length;
    list.classList.toggle("cut", below > 0);
    const verb = below === 1 ? `${what[0]} is` : `${what[1]} are`;
    note.textContent = below > 0 ? `${count(below)} ${verb} further down: scroll` : "";
  };
  list.addEventListener("scroll", tell);
  new ResizeObserver(tell).observe(list);
  new MutationObserver(tell).observe(list, { childList: true, subtree: true });
}
