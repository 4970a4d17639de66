// Buttons of the sidebar, and parts that one folds and unfolds.

/** `icon` is a name of Font Awesome's, such as fa-refresh. */
export function button(icon: string, words: string, pressed: () => void): JQuery {
  const label = $("<span>").text(words);
  return bareButton(icon, pressed).append(label);
}

/** Where there is no room for words: a tooltip has them, and so have those who cannot see it. */
export function iconButton(icon: string, words: string, pressed: () => void): JQuery {
  const made = bareButton(icon, pressed).addClass("m1-icon-button").attr("aria-label", words);
  RED.popover.tooltip(made, words);
  return made;
}

function bareButton(icon: string, pressed: () => void): JQuery {
  return $('<button type="button" class="red-ui-button red-ui-button-small m1-button">')
    .append($('<i class="fa" aria-hidden="true">').addClass(icon))
    .on("click", pressed);
}

let ids = 0;

/** Unique on the page. */
export function newId(): string {
  ids += 1;
  return `m1-sidebar-${ids}`;
}

/** A heading that is a button, and below it what it folds and unfolds; folded at first. */
export class Foldable {
  readonly element = $('<div class="m1-foldable">');
  readonly heading = $("<span>");
  readonly body = $('<div class="m1-fold-body">').attr("id", newId()).prop("hidden", true);
  /** Has the heading in it. */
  readonly button = $('<button type="button" class="m1-fold-button">').attr({
    "aria-expanded": "false",
    "aria-controls": this.body.attr("id") ?? "",
  });

  /** `turned` is called after each press. */
  constructor(turned: (isUnfolded: boolean) => void) {
    this.button.append('<i class="fa fa-caret-right" aria-hidden="true"></i>', this.heading);
    this.button.on("click", () => {
      this.body.prop("hidden", this.isUnfolded);
      this.button.attr("aria-expanded", String(this.isUnfolded));
      turned(this.isUnfolded);
    });
    this.element.append(this.button, this.body);
  }

  get isUnfolded(): boolean {
    return !this.body.prop("hidden");
  }
}
