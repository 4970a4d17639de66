// What a person filters the console by: words that must all be in what is shown, in any case, and
// the one device whose page it is.
import { username } from "../../../nodes/protocol/credentials";
import type { Sent } from "../../cloud/activity";
import type { StoredEvent } from "../../cloud/stored-event";
import { shownTags, valueText } from "./shown-tags";

export class Filter {
  readonly #words: readonly string[];
  readonly #device: string;

  /** `device` is `project/user/device`, and all of it; empty for any. */
  constructor(text: string, device = "") {
    this.#device = device;
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  passes(what: StoredEvent | Sent): boolean {
    if (this.#device !== "" && deviceOf(what) !== this.#device) return false;
    if (this.#words.length === 0) return true;
    const text = "raw" in what ? eventText(what) : `${what.topic} ${what.payload.toString("utf8")}`;
    return this.#wordsIn(text) === this.#words.length;
  }

  /** The tags whose names hold the most of the words, so that none is left out where none holds any. */
  chosen<Value>(tags: [name: string, value: Value][]): [name: string, value: Value][] {
    if (this.#words.length === 0) return tags;
    const held = tags.map(([name]) => this.#wordsIn(name));
    const most = held.reduce((one, other) => Math.max(one, other), 0);
    return tags.filter((_, at) => held[at] === most);
  }

  /** The tags with the chosen ones first. */
  ordered<Value>(tags: [name: string, value: Value][]): [name: string, value: Value][] {
    const first = new Set(this.chosen(tags));
    return [...first, ...tags.filter((tag) => !first.has(tag))];
  }

  #wordsIn(text: string): number {
    const lower = text.toLowerCase();
    return this.#words.filter((word) => lower.includes(word)).length;
  }
}

/** `project/user/device` whose event it is, or to which alone it was sent. */
function deviceOf(what: StoredEvent | Sent): string {
  if ("raw" in what) return `${username(what)}/${what.deviceId}`;
  const [direction, ...levels] = what.topic.split("/");
  return direction === "1" ? levels.slice(0, 3).join("/") : "";
}

/** Of the latest event alone: all pages ask for it in turn, and no more of them is to be kept. */
let latest: { readonly event: StoredEvent; readonly text: string } | undefined;

/** What its row shows, and what it would if there were room. */
function eventText(event: StoredEvent): string {
  if (latest?.event === event) return latest.text;
  const tags = shownTags(event).map(([name, value]) => `${name} ${valueText(value)}`);
  const text = [username(event), event.deviceId, event.stream, ...tags].join(" ");
  latest = { event, text };
  return text;
}
