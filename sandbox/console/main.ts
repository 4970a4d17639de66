// The console: follows the sandbox's feed and hands what it tells to the parts of the page.
import type { ActivityRow, Batch, Snapshot, State } from "../http/console-messages";
import { Activity } from "./activity";
import { Charts } from "./charts";
import { showClients } from "./clients";
import { showClientTotal, showLink, showSandbox, showTotals, startCounting } from "./masthead";
import { byId } from "./page";
import { Refusals } from "./refusals";
import { showRetained } from "./retained";
import { offerDevice, setUsers, startSending } from "./send";

/** Milliseconds after the last key until a filter applies. */
const TYPING = 250;

/** Milliseconds; browsers take about as long. */
const RETRY = 3000;

const filter = byId("filter", HTMLInputElement);
const pause = byId("pause", HTMLButtonElement);

const activity = new Activity();
const charts = new Charts();
const refusals = new Refusals();
let source: EventSource | undefined;
/** Whether the feed has a filter. */
let isFiltered = false;
let retrying = 0;

/** The filter works at the sandbox, on every event; a new one begins a new feed. */
function follow(): void {
  clearTimeout(retrying);
  source?.close();
  isFiltered = filter.value.trim() !== "";
  source = new EventSource(`console/feed?filter=${encodeURIComponent(filter.value)}`);
  source.addEventListener("snapshot", ({ data }) => begin(JSON.parse(data)));
  source.addEventListener("batch", ({ data }) => goOn(JSON.parse(data)));
  source.addEventListener("open", () => showLink("live"));
  source.addEventListener("error", () => lost());
}

/**
 * A browser has no more than six connections to one host, which its hidden tabs would take. What a
 * pause holds would be lost with the feed, so that a tab that is paused keeps its own.
 */
function followWhileVisible(): void {
  if (!document.hidden && !source) follow();
  if (!document.hidden || isPaused()) return;
  clearTimeout(retrying);
  source?.close();
  source = undefined;
}

/** The browser tries again by itself, but for a sandbox that answers and has no room for a page. */
function lost(): void {
  showLink("lost");
  if (source?.readyState === EventSource.CLOSED) retrying = window.setTimeout(follow, RETRY);
}

function begin(snapshot: Snapshot): void {
  showSandbox(snapshot.url, snapshot.weather);
  showState(snapshot);
  activity.reset(
    snapshot.activity,
    orNoMatch(`Nothing yet. What devices send to ${snapshot.url} is shown here.`),
  );
  charts.reset(snapshot, orNoMatch("Each tag that carries numbers gets a chart here."));
  refusals.reset(snapshot.refusals);
  offerDevices(snapshot.activity);
}

function goOn(batch: Batch): void {
  showState(batch);
  activity.add(batch.activity, batch.matching);
  charts.add(batch);
  refusals.add(batch.refusals);
  offerDevices(batch.activity);
}

function showState({ totals, users, clients, retained }: Partial<State>): void {
  if (totals) showTotals(totals);
  if (users) setUsers(users);
  if (retained) showRetained(retained, orNoMatch("Nothing is retained."));
  if (!clients) return;
  showClients(clients);
  showClientTotal(clients.total);
}

/** What to say where there is nothing. */
function orNoMatch(none: string): string {
  return isFiltered ? "Nothing matches the filter." : none;
}

function offerDevices(rows: readonly ActivityRow[]): void {
  for (const row of rows) if (row.kind === "event") offerDevice(row.deviceId);
}

function isPaused(): boolean {
  return pause.getAttribute("aria-pressed") === "true";
}

function togglePause(): void {
  const paused = !isPaused();
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Resume" : "Pause";
  activity.pause(paused);
  charts.pause(paused);
}

const KEYS: Readonly<Record<string, () => void>> = {
  "/": () => filter.focus(),
  p: togglePause,
  s: () => byId("send-payload", HTMLTextAreaElement).focus(),
};

function onKey(event: KeyboardEvent): void {
  const isTyping =
    event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  if (event.key === "Escape" && isTyping) (event.target as HTMLElement).blur();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
  if (!act) return;
  event.preventDefault();
  act();
}

let typing = 0;
filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = window.setTimeout(follow, TYPING);
});
pause.addEventListener("click", togglePause);
document.addEventListener("keydown", onKey);
startSending();
startCounting();
document.addEventListener("visibilitychange", followWhileVisible);
followWhileVisible();
