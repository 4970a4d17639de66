// Nothing in a dialog moves while a mouse button is down: a click is one only if it ends where it began.

let isPressed = false;
const postponed = new Set<() => void>();

/** Runs what may move the rows below it: at once, or after the click that goes on. */
export function whenStill(move: () => void): void {
  if (isPressed) postponed.add(move);
  else move();
}

function release(): void {
  isPressed = false;
  for (const move of postponed) move();
  postponed.clear();
}

// On the way down to the target, and before the field that loses the focus by it hears of that.
addEventListener("mousedown", () => (isPressed = true), true);
// The click follows in the same turn. Dragging ends without it.
addEventListener("mouseup", () => setTimeout(release), true);
addEventListener("dragend", release, true);
