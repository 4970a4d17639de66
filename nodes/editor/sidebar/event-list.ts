// A list of events, page by page, which a search narrows to the devices with one ID.
import type { Page } from "../../admin/outbox-answers";
import { shared } from "../explain";
import { replaceContent, setShown, setText } from "./changes";
import { button, iconButton, newId } from "./controls";
import { look, NoAnswer } from "./requests";
import { clockTime } from "./times";

const PAGE_SIZE = "20";

/** Milliseconds after the last key of a search. */
const TYPING = 300;

/** Milliseconds: where events come and go, a list is empty and is not from one moment to the next. */
const LOAD_AGAIN = 2_000;

export interface EventListOptions<Event, Answer extends Page<Event>> {
  /** Where the pages are. */
  readonly path: string;
  readonly item: (event: Event) => JQuery;
  /** What is said where there is none. */
  readonly empty: string;
  /** Called with the first page of all events, and with nothing where a search hides some of them. */
  readonly loaded?: (answer: Answer | undefined) => void;
}

export class EventList<Event, Answer extends Page<Event>> {
  readonly element = $('<div class="m1-list">');
  /** For buttons beside the search. */
  readonly tools = $('<span class="m1-tools">');
  readonly #search = $('<input type="search" spellcheck="false" autocomplete="off">');
  readonly #state = $('<p class="m1-tip" role="status">');
  readonly #items = $('<ol class="m1-events">').attr("id", newId());
  readonly #more: JQuery;
  /** Of the present request; the answers to earlier ones come too late. */
  #request: object | undefined;
  #next: string | undefined;
  #isOpen = false;
  #loadedAt = 0;
  /** How many events there are in all, and how many there were when the list was loaded. */
  #total = 0;
  #totalThen = 0;
  #isOld = false;

  constructor(private readonly options: EventListOptions<Event, Answer>) {
    const label = shared("sidebar.search");
    this.#search.attr({ placeholder: label, "aria-label": label });
    this.#search.attr("aria-controls", this.#items.attr("id") ?? "");
    this.#more = button("fa-angle-down", shared("sidebar.action.more"), () => void this.#ask());
    const refresh = iconButton("fa-refresh", shared("sidebar.action.refresh"), () => this.load());
    const bar = $('<div class="m1-bar">').append(this.#search, this.tools.append(refresh));
    this.element.append(bar, this.#state, this.#items, this.#more.prop("hidden", true));
    this.#searchWhileTyping();
  }

  /** From the beginning. */
  load(): void {
    this.#isOpen = true;
    this.#next = undefined;
    void this.#ask();
  }

  /** Nobody looks any more. */
  unload(): void {
    this.#request = undefined;
    this.#isOpen = false;
    this.#items.empty();
  }

  /** `total` is how many events there are now. The list stays as it is while someone may be reading it. */
  update(total: number): void {
    this.#total = total;
    if (!this.#isOpen || this.#request) return;
    const isTurned = (total === 0) !== this.#isEmpty && this.#device === undefined;
    const isRead = this.#items.is(":hover, :focus-within");
    if (isTurned && !isRead) {
      if (Date.now() - this.#loadedAt > LOAD_AGAIN) this.load();
    } else if (isTurned || (total !== this.#totalThen && !this.#isEmpty)) {
      this.#isOld = true;
      this.#tellAge();
    }
  }

  get #isEmpty(): boolean {
    return this.#items.children().length === 0;
  }

  get #device(): string | undefined {
    return String(this.#search.val()).trim() || undefined;
  }

  #searchWhileTyping(): void {
    let timer: ReturnType<typeof setTimeout>;
    this.#search.on("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.load(), TYPING);
    });
  }

  /** For the next page; for more of them while a search finds nothing. */
  async #ask(): Promise<void> {
    const mine = {};
    this.#request = mine;
    const device = this.#device;
    let isFirst = this.#next === undefined;
    for (;;) {
      const page = { after: this.#next, limit: PAGE_SIZE, device };
      const answer = await look<Answer>(this.options.path, page);
      if (this.#request !== mine) return;
      if (answer instanceof NoAnswer) {
        setText(this.#state, answer.words);
        break;
      }
      const items = answer.events.map(this.options.item);
      if (isFirst) this.#begin(items, device === undefined ? answer : undefined);
      else this.#items.append(items);
      isFirst = false;
      this.#next = answer.next;
      // The latest report may be a little older than the page.
      const isAll = device === undefined && answer.next === undefined;
      this.#totalThen = isAll ? this.#items.children().length : this.#total;
      this.#tellAge();
      if (answer.events.length > 0 || answer.next === undefined) break;
      setText(this.#state, shared("sidebar.searching"));
    }
    this.#request = undefined;
    setShown(this.#more, this.#next !== undefined);
  }

  #begin(items: JQuery[], whole: Answer | undefined): void {
    replaceContent(this.#items, items, this.#search);
    this.#loadedAt = Date.now();
    this.#isOld = false;
    this.options.loaded?.(whole);
  }

  /** What the list shows, and whether that is how it still is. */
  #tellAge(): void {
    const device = this.#device;
    const time = clockTime(this.#loadedAt);
    const age = shared(this.#isOld ? "sidebar.changedSince" : "sidebar.asOf", { time });
    const nothing =
      device === undefined ? this.options.empty : shared("sidebar.notFound", { device });
    setText(this.#state, this.#isEmpty && !this.#isOld ? nothing : age);
  }
}
