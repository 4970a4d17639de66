// The top of the page: where the sandbox is, whether the page follows it, and how much there was.
import type { Totals } from "../http/console-messages";
import { byId, count, element } from "./page";

/** Seconds over which the rate is told. */
const RATE_WINDOW = 3;

const link = byId("link", HTMLElement);
const address = byId("address", HTMLElement);
const weatherList = byId("weather", HTMLElement);
const events = byId("total-events", HTMLElement);
const rate = byId("rate", HTMLElement);
const sent = byId("total-sent", HTMLElement);
const refused = byId("total-refused", HTMLElement);
const clients = byId("total-clients", HTMLElement);

/** How many events there were at a time, in seconds. */
let counts: { readonly at: number; readonly events: number }[] = [];

export function startCounting(): void {
  setInterval(showRate, 1000);
}

export function showSandbox(url: string, weather: readonly string[]): void {
  address.textContent = url;
  weatherList.replaceChildren(...weather.map((words) => element("li", {}, words)));
  counts = [];
}

export function showTotals(totals: Totals): void {
  events.textContent = count(totals.events);
  sent.textContent = count(totals.sent);
  refused.textContent = count(totals.refusals);
  refused.classList.toggle("wrong", totals.refusals > 0);
  counts.push({ at: performance.now() / 1000, events: totals.events });
}

export function showClientTotal(total: number): void {
  clients.textContent = count(total);
}

export function showLink(state: "live" | "lost"): void {
  link.dataset.state = state;
  link.textContent = state === "live" ? "Live" : "Not reachable; trying again";
}

function showRate(): void {
  const now = performance.now() / 1000;
  const last = counts.at(-1);
  // The count before the window is what it began with.
  const past = counts.filter(({ at }) => at <= now - RATE_WINDOW);
  counts = counts.slice(Math.max(past.length - 1, 0));
  const [first] = counts;
  if (!first || !last) return;
  const perSecond = (last.events - first.events) / Math.max(last.at - first.at, RATE_WINDOW);
  rate.textContent = perSecond > 0 ? `${count(Number(perSecond.toPrecision(2)))} a second` : "";
}
