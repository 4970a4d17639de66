// All that the tab shows: a card for each connection, and below them what deleted ones have left.
import type { ConnectionReport, OutboxReport } from "../../admin/outbox-answers";
import { shared } from "../explain";
import { setChildren, setShown, setText } from "./changes";
import { ConnectionCard } from "./connection-card";
import { note } from "./event-items";
import { LeftFoldersView } from "./left-folders";
import { LiveReports } from "./live-reports";
import { NoAnswer } from "./requests";
import { watchVisibility } from "./visibility";

/** Milliseconds; ages are shown in seconds at first. */
const TICK = 1_000;

export class Panel {
  readonly element = $('<div class="m1-sidebar">');
  readonly #failure = note("m1-failure", "fa-warning", "").attr("role", "status");
  readonly #nothing = nothingDeployed();
  readonly #list = $("<div>");
  readonly #cards = new Map<string, ConnectionCard>();
  readonly #left = new LeftFoldersView((id) => this.#cards.get(id)?.name ?? id);
  readonly #reports = new LiveReports((report) => this.#show(report));
  /** Of the latest report. */
  #ids: string | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #stopWatching: (() => void) | undefined;

  constructor() {
    for (const part of [this.#failure, this.#nothing]) setShown(part, false);
    this.element.append(this.#failure, this.#nothing, this.#list, this.#left.element);
  }

  /** It asks for reports while somebody can see it. */
  start(): void {
    const [element] = this.element.get();
    if (!element) return;
    this.#stopWatching = watchVisibility(element, (isVisible) =>
      isVisible ? this.#look() : this.#lookAway(),
    );
  }

  stop(): void {
    this.#stopWatching?.();
  }

  #look(): void {
    this.#reports.start();
    void this.#left.load();
    this.#ticking = setInterval(() => {
      for (const card of this.#cards.values()) card.tick();
    }, TICK);
  }

  #lookAway(): void {
    this.#reports.stop();
    clearInterval(this.#ticking);
  }

  #show(report: OutboxReport | NoAnswer): void {
    const isAnswered = !(report instanceof NoAnswer);
    setShown(this.#failure, !isAnswered);
    if (isAnswered) this.#showConnections(report.connections);
    else setText(this.#failure.children("span"), report.words);
  }

  #showConnections(connections: OutboxReport["connections"]): void {
    const gone = new Set(this.#cards.keys());
    for (const connection of connections) {
      gone.delete(connection.id);
      this.#showConnection(connection);
    }
    for (const id of gone) this.#cards.delete(id);
    const cards = connections.map(({ id }) => this.#cards.get(id)?.element ?? $());
    setChildren(this.#list, cards);
    setShown(this.#nothing, connections.length === 0);
    this.#lookForFolders(connections.map(({ id }) => id).join());
  }

  /** A deleted connection leaves a folder, and a new one may get what is in one. */
  #lookForFolders(ids: string): void {
    if (this.#ids !== undefined && this.#ids !== ids) void this.#left.load();
    this.#ids = ids;
  }

  #showConnection(connection: ConnectionReport): void {
    const card = this.#cards.get(connection.id);
    if (card) card.update(connection);
    else this.#cards.set(connection.id, new ConnectionCard(connection));
  }
}

function nothingDeployed(): JQuery {
  return $('<div class="m1-nothing">').append(
    '<i class="fa fa-cloud-upload" aria-hidden="true"></i>',
    $("<p>").text(shared("sidebar.nothing.state")),
    $("<p>").text(shared("sidebar.nothing.advice")),
  );
}
