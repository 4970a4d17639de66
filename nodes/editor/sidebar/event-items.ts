// One event as the lists show it: when, of which device, its JSON, its size, and why it is in quarantine.
import type { QuarantinedEvent, ShownEvent } from "../../admin/outbox-answers";
import { shared, translateError } from "../explain";
import { size } from "./amounts";
import { iconButton } from "./controls";
import { foldedText } from "./folded-text";
import { prettyJson } from "./json-text";
import { clockTime, fullTime } from "./times";

export function waitingItem(event: ShownEvent): JQuery {
  return item(event.acceptedAt, event).append(content(event));
}

export interface QuarantineActions {
  readonly sendAgain: (event: QuarantinedEvent) => void;
  readonly delete: (event: QuarantinedEvent) => void;
}

export function quarantinedItem(entry: QuarantinedEvent, actions: QuarantineActions): JQuery {
  const { quarantinedAt, event, text, isForeign } = entry;
  const shown = item(event?.acceptedAt ?? quarantinedAt, event);
  const tools = $('<span class="m1-tools">').appendTo(shown.children("header"));
  // Under the connection's name it would be someone else's event.
  if (event && !isForeign) {
    const words = shared("sidebar.action.sendAgain");
    tools.append(iconButton("fa-paper-plane-o", words, () => actions.sendAgain(entry)));
  }
  const words = shared("sidebar.action.delete");
  tools.append(iconButton("fa-trash-o", words, () => actions.delete(entry)));
  const since = $("<time>").text(clockTime(quarantinedAt)).attr("title", fullTime(quarantinedAt));
  shown.append(note("m1-warning", "fa-warning", reasonOf(entry)).append(" ", since));
  if (isForeign) shown.append(note("m1-tip", "fa-user-o", shared("sidebar.foreign")));
  return shown.append(event ? content(event) : foldedText(text ?? ""));
}

/** In words; that of an event of version 0.1.0 is English. */
function reasonOf({ error, reason }: QuarantinedEvent): string {
  return error ? translateError(error) : reason;
}

/** A line with an icon before it. */
export function note(kind: string, icon: string, words: string): JQuery {
  const mark = $('<i class="fa" aria-hidden="true">').addClass(icon);
  return $("<p>").addClass(kind).append(mark, " ", $("<span>").text(words));
}

function item(time: number, event: ShownEvent | undefined): JQuery {
  const device = event?.deviceId || shared(event ? "sidebar.noDevice" : "sidebar.unreadable");
  const header = $("<header>").append(
    $('<strong class="m1-device">').text(device),
    $("<time>").text(clockTime(time)).attr("title", fullTime(time)),
  );
  if (event) header.append($('<span class="m1-size">').text(size(event.size)));
  return $('<li class="m1-event">').append(header);
}

function content({ topic, payload, qos }: ShownEvent): JQuery {
  const way = $('<p class="m1-tip">').text(`${topic} · ${shared("label.qos")} ${qos}`);
  return foldedText(prettyJson(payload)).add(way);
}
