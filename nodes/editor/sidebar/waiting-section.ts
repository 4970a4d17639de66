// The part of a card that shows what waits in the outbox.
import type { Page, ShownEvent } from "../../admin/outbox-answers";
import { shared } from "../explain";
import { number } from "./amounts";
import { setText } from "./changes";
import { Foldable, iconButton } from "./controls";
import { waitingItem } from "./event-items";
import { EventList } from "./event-list";
import { downloadEvents, emptyQueue } from "./outbox-actions";
import { pathOf } from "./requests";

export class WaitingSection {
  readonly #fold = new Foldable((isUnfolded) => this.#turned(isUnfolded));
  readonly element = this.#fold.element;
  readonly #list: EventList<ShownEvent, Page<ShownEvent>>;
  #count = 0;

  /** `name` gives what the connection is called. */
  constructor(connection: string, name: () => string) {
    this.#list = new EventList({
      path: pathOf("outbox", connection, "waiting"),
      item: waitingItem,
      empty: shared("sidebar.nothingWaits"),
    });
    const save = () => {
      const file = `${name()}-${shared("sidebar.file.waiting")}`;
      void downloadEvents(pathOf("outbox", connection, "waiting.jsonl"), file);
    };
    const empty = async () => {
      if (await emptyQueue(connection, this.#count)) this.#list.load();
    };
    this.#list.tools.append(
      iconButton("fa-download", shared("sidebar.action.download"), save),
      iconButton("fa-trash-o", shared("sidebar.action.empty"), () => void empty()),
    );
    this.#fold.body.append(this.#list.element);
  }

  update(count: number): void {
    this.#count = count;
    setText(this.#fold.heading, shared("sidebar.waitingEvents", { count: number(count) }));
    this.#list.update(count);
  }

  #turned(isUnfolded: boolean): void {
    if (isUnfolded) this.#list.load();
    else this.#list.unload();
  }
}
