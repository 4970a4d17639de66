// A button whose action takes a while, and the lines that say how it went.

/** One of several outcomes, such as that of one address. */
export interface Outcome {
  readonly isGood: boolean;
  readonly words: string;
}

/** What a person has to agree to before it is done. */
export interface Question<Answer extends object> {
  readonly question: string;
  /** The words on the button. */
  readonly consent: string;
  readonly agree: () => Promise<Reply<Answer>>;
}

/** The answer, the words that say why there is none, or a question first. */
export type Reply<Answer extends object> = Answer | string | Question<Answer>;

export interface Action<Answer extends object> {
  /** What the line says meanwhile. */
  readonly busy: string;
  readonly ask: () => Promise<Reply<Answer>>;
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
    return line.append(`<i class="fa ${icon}" aria-hidden="true"></i> `, $("<span>").text(words));
  };
  const run = async (ask: Action<Answer>["ask"]) => {
    if (current) return;
    const mine = {};
    current = mine;
    place.empty();
    show("", "fa-spinner fa-spin", action.busy);
    const reply = await ask();
    if (current !== mine) return;
    // What it fills in changes the form, so that comes first.
    const outcomes = outcomesOf(reply, action);
    current = undefined;
    place.empty();
    for (const { isGood, words } of outcomes) {
      if (isGood) show("m1-good", "fa-check-circle", words);
      else show("m1-warning", "fa-warning", words);
    }
    if (isQuestion(reply)) {
      const consent = $('<button type="button" class="red-ui-button">').text(reply.consent);
      show("m1-warning", "fa-question-circle", reply.question).append(consent);
      consent.on("click", () => {
        // Its own button is about to go.
        button.trigger("focus");
        void run(reply.agree);
      });
    }
  };
  button.closest("form").on("input change", () => {
    current = undefined;
    place.empty();
  });
  button.on("click", () => void run(action.ask));
}

function outcomesOf<Answer extends object>(
  reply: Reply<Answer>,
  action: Action<Answer>,
): readonly Outcome[] {
  if (typeof reply === "string") return [{ isGood: false, words: reply }];
  return isQuestion(reply) ? [] : action.succeed(reply);
}

function isQuestion<Answer extends object>(reply: Reply<Answer>): reply is Question<Answer> {
  return typeof reply === "object" && "agree" in reply;
}
