// Shows what is new and leaves all else alone: nothing moves under a person's cursor that need not.

export function setText(element: JQuery, text: string): void {
  if (element.text() !== text) element.text(text);
}

export function setShown(element: JQuery, isShown: boolean): void {
  if (element.prop("hidden") === isShown) element.prop("hidden", !isShown);
}

export function setAttribute(element: JQuery, name: string, value: string): void {
  if (element.attr(name) !== value) element.attr(name, value);
}

/** Replaces what is in an element. The keyboard goes on at `next` if it was in there. */
export function replaceContent(element: JQuery, content: readonly JQuery[], next: JQuery): void {
  const hadFocus = element.is(":focus-within");
  element.empty().append([...content]);
  if (hadFocus) next.trigger("focus");
}

/** Makes these the children, in this order; what is there already is moved only if it stands elsewhere. */
export function setChildren(element: JQuery, children: readonly JQuery[]): void {
  const [parent] = element.get();
  const wanted = children.flatMap((child) => child.get());
  element.children().not(wanted).remove();
  for (const [index, child] of wanted.entries()) {
    const present = parent?.children[index] ?? null;
    if (present !== child) parent?.insertBefore(child, present);
  }
}
