// The outboxes of connections that are in no flow any more: whose they are, and what can become of them.
import type { LeftFolder, LeftFolders } from "../../admin/outbox-answers";
import { shared, translateError } from "../explain";
import { number } from "./amounts";
import { setShown } from "./changes";
import { button, newId } from "./controls";
import { note } from "./event-items";
import { deleteFolder, downloadEvents, handOver } from "./outbox-actions";
import { look, NoAnswer, pathOf } from "./requests";

export class LeftFoldersView {
  readonly element = $('<section class="m1-left">').prop("hidden", true);
  readonly #list = $("<div>");
  #request: object | undefined;

  /** `nameOf` gives what a connection is called. */
  constructor(private readonly nameOf: (connection: string) => string) {
    const id = newId();
    const title = $("<h3>").attr("id", id).text(shared("sidebar.left.title"));
    const tip = $('<p class="m1-tip">').text(shared("sidebar.left.tip"));
    this.element.attr("aria-labelledby", id).append(title, tip, this.#list);
  }

  /** Shows what is there now. Where that cannot be seen, nothing is. */
  async load(): Promise<void> {
    const mine = {};
    this.#request = mine;
    const answer = await look<LeftFolders>("outbox-left");
    if (this.#request !== mine) return;
    const folders = answer instanceof NoAnswer ? [] : answer.folders;
    this.#list.empty().append(folders.map((folder) => this.#card(folder)));
    setShown(this.element, folders.length > 0);
  }

  #card(folder: LeftFolder): JQuery {
    const { outboxes, quarantined, error } = folder;
    const lines = outboxes.map(({ projectMqtt, userMqtt, waiting }) =>
      line(
        `${projectMqtt} / ${userMqtt}`,
        shared("sidebar.waitingEvents", { count: number(waiting) }),
      ),
    );
    const inQuarantine = shared("sidebar.quarantinedEvents", { count: number(quarantined) });
    const card = $('<div class="m1-card">').append(lines);
    if (quarantined > 0) card.append($("<p>").text(inQuarantine));
    if (error) card.append(note("m1-warning", "fa-warning", translateError(error)));
    return card.append(this.#tools(folder));
  }

  #tools({ folder, outboxes, quarantined, heirs, error }: LeftFolder): JQuery {
    const waiting = outboxes.reduce((sum, outbox) => sum + outbox.waiting, 0);
    const path = pathOf("outbox-left", folder, "events.jsonl");
    const save = () => void downloadEvents(path, `${folder}-${shared("sidebar.file.left")}`);
    const remove = () => void this.#after(deleteFolder(folder, waiting + quarantined));
    const tools = $('<div class="m1-actions">');
    if (!error) {
      tools.append(
        heirs.length > 0
          ? this.#heirs(folder, heirs, waiting)
          : $('<p class="m1-tip">').text(shared("sidebar.left.noHeir")),
        button("fa-download", shared("sidebar.action.download"), save),
      );
    }
    return tools.append(button("fa-trash-o", shared("sidebar.action.delete"), remove));
  }

  /** A choice, unless there is only one that it can go to. */
  #heirs(folder: string, heirs: readonly string[], waiting: number): JQuery {
    const choice = $("<select>").attr("aria-label", shared("sidebar.left.heir"));
    for (const id of heirs) $("<option>").val(id).text(this.nameOf(id)).appendTo(choice);
    const give = () => {
      const id = String(choice.val());
      void this.#after(handOver(folder, { id, name: this.nameOf(id) }, waiting));
    };
    const go = button("fa-share", shared("sidebar.action.handOver"), give);
    return $('<div class="m1-heirs">').append(choice, go);
  }

  async #after(action: Promise<boolean>): Promise<void> {
    if (await action) await this.load();
  }
}

function line(what: string, amount: string): JQuery {
  return $('<p class="m1-line">').append($("<strong>").text(what), " ", $("<span>").text(amount));
}
