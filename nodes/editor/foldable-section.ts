// A part of a dialog that its heading, a button with `aria-controls`, folds and unfolds.

/** Folded at first, unless something in it needs attention; nothing invalid stays out of sight. */
export function foldableSection(button: JQuery): void {
  const section = $(`#${button.attr("aria-controls")}`);
  const unfold = (isUnfolded: boolean) => {
    button.attr("aria-expanded", String(isUnfolded));
    section.prop("hidden", !isUnfolded);
  };
  button.on("click", () => unfold(section.prop("hidden")));
  unfold(false);
  // Node-RED marks the invalid inputs right after it has called `oneditprepare`.
  setTimeout(() => {
    if (section.find(".input-error").length > 0) unfold(true);
  });
}
