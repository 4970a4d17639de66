// A question before something that cannot be undone.

/** `question` says what becomes of how much, `consent` are the words on the button that does it. */
export function confirmed(question: string, consent: string): Promise<boolean> {
  const asked = document.activeElement;
  return new Promise((resolve) => {
    const answer = (isYes: boolean) => {
      notification.close();
      // The keyboard goes on where it was.
      if (asked instanceof HTMLElement) asked.focus();
      resolve(isYes);
    };
    const notification = RED.notify($("<p>").text(question), {
      type: "warning",
      modal: true,
      fixed: true,
      buttons: [
        { text: RED._("common.label.cancel"), click: () => answer(false) },
        { text: consent, class: "primary", click: () => answer(true) },
      ],
    });
    asDialog($(notification), question, () => answer(false));
  });
}

/** For the keyboard and for those who cannot see it: Node-RED's own are neither. */
function asDialog(notification: JQuery, question: string, cancel: () => void): void {
  notification.attr({ role: "alertdialog", "aria-modal": "true", "aria-label": question });
  const buttons = notification.find("button");
  buttons.first().trigger("focus");
  notification.on("keydown", (event) => {
    if (event.key === "Escape") cancel();
    if (event.key === "Tab") {
      const at = buttons.index(document.activeElement ?? notification[0]);
      buttons.eq((at + 1) % buttons.length).trigger("focus");
      event.preventDefault();
    }
    // Node-RED has shortcuts for most keys, and a form behind it might take Escape for itself.
    event.stopPropagation();
  });
}
