// The upper part of a card: which connection it is, its state in words, since when and why, and its address.
import type { ConnectionReport } from "../../admin/outbox-answers";
import { shared, translateError } from "../explain";
import { setAttribute, setShown, setText } from "./changes";
import { connectionName, editConnection, selectUsers } from "./connection-nodes";
import { button, iconButton, newId } from "./controls";
import { note } from "./event-items";
import { connectNow } from "./outbox-actions";
import { durationSince, fullTime } from "./times";

/** By the state, unless there is some trouble. */
const COLOURS: Readonly<Record<ConnectionReport["state"], string>> = {
  idle: "grey",
  connecting: "yellow",
  online: "green",
  offline: "red",
  closing: "grey",
  closed: "grey",
};

export class ConnectionHead {
  /** Of the element with the name. */
  readonly nameId = newId();
  readonly element = $('<div class="m1-head">');
  readonly #dot = $('<i class="m1-dot" aria-hidden="true">');
  readonly #name = $('<button type="button" class="m1-name">').attr("id", this.nameId);
  readonly #users: JQuery;
  readonly #state = $('<span class="m1-state">');
  readonly #since = $('<span class="m1-since">');
  readonly #trouble = note("m1-warning", "fa-warning", "");
  readonly #address = $('<p class="m1-address">');
  readonly #connect: JQuery;

  constructor({ id }: ConnectionReport) {
    // No tooltip of Node-RED's: that would become its name for those who cannot see it.
    this.#name.attr("title", shared("sidebar.action.edit")).on("click", () => editConnection(id));
    const users = shared("sidebar.action.showNodes");
    this.#users = iconButton("fa-crosshairs", users, () => selectUsers(id));
    this.#connect = button("fa-plug", shared("sidebar.action.connect"), () => void connectNow(id));
    const title = $("<h3>").append(this.#dot, this.#name);
    this.element.append(
      $('<div class="m1-title">').append(title, this.#users),
      $('<div class="m1-condition">').append(
        $("<p>").append(this.#state, " ", this.#since),
        this.#connect,
      ),
      this.#trouble,
      this.#address,
    );
  }

  update({ id, name, state, since, trouble, address, users, outbox }: ConnectionReport): void {
    // Without an outbox there is nothing that could connect.
    const isUsable = outbox !== undefined;
    const shown = isUsable ? state : "unusable";
    setText(this.#name, connectionName(id, name));
    setText(this.#state, shared(`sidebar.state.${shown}`));
    setText(this.#since, shared("sidebar.since", { duration: durationSince(since) }));
    setAttribute(this.#since, "title", fullTime(since));
    setShown(this.#since, isUsable);
    setAttribute(this.#dot, "data-colour", isUsable ? colourOf(state, trouble) : "red");
    setText(this.#trouble.children("span"), trouble ? translateError(trouble) : "");
    setShown(this.#trouble, trouble !== undefined);
    setText(this.#address, address ?? "");
    setShown(this.#address, address !== undefined);
    setShown(this.#connect, isUsable && state === "offline");
    setShown(this.#users, users.length > 0);
  }
}

function colourOf(state: ConnectionReport["state"], trouble: unknown): string {
  return state === "online" && trouble ? "yellow" : COLOURS[state];
}
