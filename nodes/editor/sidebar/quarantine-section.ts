// The part of a card that shows what is in quarantine, and why; all of it, what has one reason, or one event goes on.
import type { QuarantinedEvent, QuarantinePage, Selection } from "../../admin/outbox-answers";
import { shared } from "../explain";
import { number } from "./amounts";
import { replaceContent, setShown, setText } from "./changes";
import { Foldable, iconButton } from "./controls";
import { quarantinedItem } from "./event-items";
import { EventList } from "./event-list";
import { deleteEvents, downloadEvents, sendAgain } from "./outbox-actions";
import { pathOf } from "./requests";

export class QuarantineSection {
  readonly #fold = new Foldable((isUnfolded) => this.#turned(isUnfolded));
  readonly element = this.#fold.element;
  readonly #reasons = $('<ul class="m1-reasons">');
  readonly #list: EventList<QuarantinedEvent, QuarantinePage>;

  /** `name` gives what the connection is called. */
  constructor(
    private readonly connection: string,
    name: () => string,
  ) {
    const one = ({ id }: QuarantinedEvent) => ({ ids: [id] });
    this.#list = new EventList({
      path: pathOf("outbox", connection, "quarantined"),
      item: (entry) =>
        quarantinedItem(entry, {
          sendAgain: () => void this.#change(sendAgain, one(entry), 1),
          delete: () => void this.#change(deleteEvents, one(entry), 1),
        }),
      empty: shared("sidebar.nothingQuarantined"),
      loaded: (page) => this.#showReasons(page?.reasons ?? {}),
    });
    const save = () => {
      const file = `${name()}-${shared("sidebar.file.quarantined")}`;
      void downloadEvents(pathOf("outbox", connection, "quarantined.jsonl"), file);
    };
    const words = shared("sidebar.action.download");
    this.#list.tools.append(iconButton("fa-download", words, save));
    this.#fold.body.append(this.#reasons, this.#list.element);
  }

  update(count: number): void {
    setText(this.#fold.heading, shared("sidebar.quarantinedEvents", { count: number(count) }));
    this.element.toggleClass("m1-attention", count > 0);
    this.#list.update(count);
  }

  #turned(isUnfolded: boolean): void {
    if (isUnfolded) this.#list.load();
    else this.#list.unload();
  }

  /** A line for each reason, if there are several, and one for all. */
  #showReasons(reasons: QuarantinePage["reasons"]): void {
    const counts = Object.entries(reasons).sort(([, a], [, b]) => b - a);
    const all = counts.reduce((sum, [, count]) => sum + count, 0);
    const lines = counts.map(([code, count]) => this.#line(reasonWords(code), count, { code }));
    const last = this.#line(shared("sidebar.all"), all, {});
    const shown = counts.length > 1 ? [...lines, last] : [last];
    replaceContent(this.#reasons, shown, this.#fold.button);
    setShown(this.#reasons, all > 0);
  }

  #line(words: string, count: number, selection: Selection): JQuery {
    const label = (action: string) => `${action} (${words})`;
    const send = label(shared("sidebar.action.sendAgain"));
    const drop = label(shared("sidebar.action.delete"));
    return $("<li>")
      .append($('<span class="m1-reason">').text(words), $("<strong>").text(number(count)))
      .append(
        iconButton("fa-paper-plane-o", send, () => void this.#change(sendAgain, selection, count)),
      )
      .append(
        iconButton("fa-trash-o", drop, () => void this.#change(deleteEvents, selection, count)),
      );
  }

  async #change(action: typeof sendAgain, selection: Selection, count: number): Promise<void> {
    if (await action(this.connection, selection, count)) this.#list.load();
  }
}

/** In a few words; a code that is new here stands for itself. */
function reasonWords(code: string): string {
  if (code === "") return shared("sidebar.reasons.unknown");
  const key = `sidebar.reasons.${code}`;
  const words = shared(key);
  return words.endsWith(key) ? code : words;
}
