// A button whose action takes a while, and the lines that say how it went.

/** One of several outcomes, such as that of one address. */
export interface Outcome {
  readonly isGood: boolean;
  readonly words: string;
}

export interface Action<Answer extends object> {
  /** What the line says meanwhile. */
  readonly busy: string;
  /** The answer, or the words that say why there is none. */
  readonly ask: () => Promise<Answer | string>;
  /** Uses the answer; what is said then, each outcome on a line. */
  readonly succeed: (answer: Answer) => readonly Outcome[];
}

/**
 * The lines stand in the element that the button's `aria-describedby` names. It is blank again as soon as the
 * form changes, and an answer that is still to come is dropped: it would be of another form.
 */
export function actionButton<Answer extends object>(button: JQuery, action: Action<Answer>): void {
  const place = $(`#${button.attr("aria-describedby")}`);
  let current: object | undefined;
  const show = (kind: string, icon: string, words: string) => {
    const line = $("<div>").addClass(kind).appendTo(place);
    line.append(`<i class="fa ${icon}" aria-hidden="true"></i> `, $("<span>").text(words));
  };
  button.closest("form").on("input change", () => {
    current = undefined;
    place.empty();
  });
  button.on("click", async () => {
    if (current) return;
    const mine = {};
    current = mine;
    place.empty();
    show("", "fa-spinner fa-spin", action.busy);
    const answer = await action.ask();
    if (current !== mine) return;
    // What it fills in changes the form, so that comes first.
    const outcomes =
      typeof answer === "string" ? [{ isGood: false, words: answer }] : action.succeed(answer);
    current = undefined;
    place.empty();
    for (const { isGood, words } of outcomes) {
      if (isGood) show("m1-good", "fa-check-circle", words);
      else show("m1-warning", "fa-warning", words);
    }
  });
}
