// The top of the page: where the sandbox is, whether the page follows it, and how much there was.
import type { Totals } from "../http/console/console-messages";
import { byId, count, element } from "./page";
import { Rate } from "./rate";

const link = byId("link", HTMLElement);
const address = byId("address", HTMLElement);
const weatherList = byId("weather", HTMLElement);
const events = byId("total-events", HTMLElement);
const rateNote = byId("rate", HTMLElement);
const sent = byId("total-sent", HTMLElement);
const refused = byId("total-refused", HTMLElement);
const clients = byId("total-clients", HTMLElement);

const rate = new Rate();

export function startCounting(): void {
  setInterval(showRate, 1000);
}

export function showSandbox(url: string, weather: readonly string[]): void {
  address.textContent = url;
  weatherList.replaceChildren(...weather.map((words) => element("li", {}, words)));
}

export function showTotals(totals: Totals): void {
  events.textContent = count(totals.events);
  sent.textContent = count(totals.sent);
  refused.textContent = count(totals.refusals);
  refused.classList.toggle("wrong", totals.refusals > 0);
  rate.count(performance.now() / 1000, totals.events);
}

export function showClientTotal(total: number): void {
  clients.textContent = count(total);
}

export function showLink(state: "live" | "lost"): void {
  link.dataset.state = state;
  link.textContent = state === "live" ? "Live" : "Not reachable; trying again";
}

function showRate(): void {
  const perSecond = rate.perSecond(performance.now() / 1000);
  const words = `${count(Number(perSecond.toPrecision(2)))} a second`;
  rateNote.textContent = perSecond > 0 ? words : "";
}
