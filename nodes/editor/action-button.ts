// A button whose action takes a while, and the line that says how it went.

export interface Action<Answer extends object> {
  /** What the line says meanwhile. */
  readonly busy: string;
  /** The answer, or the words that say why there is none. */
  readonly ask: () => Promise<Answer | string>;
  /** Uses the answer; what the line says then. */
  readonly succeed: (answer: Answer) => string;
}

/**
 * The line is the one that the button's `aria-describedby` names. It is blank again as soon as the
 * form changes, and an answer that is still to come is dropped: it would be of another form.
 */
export function actionButton<Answer extends object>(button: JQuery, action: Action<Answer>): void {
  const line = $(`#${button.attr("aria-describedby")}`);
  let current: object | undefined;
  const show = (kind: string, icon: string, words: string) => {
    line.attr("class", `m1-answer ${kind}`).empty();
    line.append(`<i class="fa ${icon}" aria-hidden="true"></i> `, $("<span>").text(words));
  };
  button.closest("form").on("input change", () => {
    current = undefined;
    line.empty();
  });
  button.on("click", async () => {
    if (current) return;
    const mine = {};
    current = mine;
    show("", "fa-spinner fa-spin", action.busy);
    const answer = await action.ask();
    if (current !== mine) return;
    // What it fills in changes the form, so that comes first.
    const words = typeof answer === "string" ? answer : action.succeed(answer);
    current = undefined;
    if (typeof answer === "string") show("m1-warning", "fa-warning", words);
    else show("m1-good", "fa-check-circle", words);
  });
}
