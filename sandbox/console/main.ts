// The console: follows the sandbox's feed and hands what it tells to the parts of the page.
import type { ActivityRow, Batch, Snapshot, State } from "../http/console/console-messages";
import { Activity } from "./activity";
import { Charts } from "./charts";
import { showClients } from "./clients";
import { shownDevice, startDevicePage } from "./device";
import { tellFurtherDown } from "./further-down";
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
/** What the feed is filtered by. */
let words = "";
/** What the rows and charts on the page were filtered by, once there are any. */
let shownWords: string | undefined;
let retrying = 0;
let typing = 0;

/** The filter works at the sandbox, on every event; a new one begins a new feed. */
function follow(): void {
  clearTimeout(retrying);
  source?.close();
  words = filter.value.trim();
  source = new EventSource(
    `console/feed?${new URLSearchParams({ filter: words, device: shownDevice })}`,
  );
  source.addEventListener("snapshot", ({ data }) => begin(JSON.parse(data)));
  source.addEventListener("batch", ({ data }) => goOn(JSON.parse(data)));
  source.addEventListener("open", () => showLink("live"));
  source.addEventListener("error", () => lost());
}

/**
 * A browser has no more than six connections to one host, which its hidden tabs would take. A tab
 * that is paused keeps its own, to count on.
 */
function followWhileVisible(): void {
  if (!document.hidden && !source) follow();
  if (!document.hidden || isPaused()) return;
  clearTimeout(retrying);
  clearTimeout(typing);
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
  refusals.reset(snapshot.refusals);
  offerDevices(snapshot.activity);
  // What a pause holds, it holds though the connection is lost; another filter is asked for.
  if (isPaused() && shownWords === words) activity.miss(snapshot);
  else show(snapshot);
}

function show(snapshot: Snapshot): void {
  shownWords = words;
  const whose = shownDevice === "" ? "What devices send" : "What this device sends";
  activity.reset(
    snapshot.activity,
    orNoMatch(`Nothing yet. ${whose} to ${snapshot.url} is shown here.`),
  );
  charts.reset(snapshot, orNoMatch("Each tag that carries numbers gets a chart here."));
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
  if (users) activity.showUsers(users);
  if (retained) showRetained(retained, orNoMatch("Nothing is retained."));
  if (!clients) return;
  showClients(clients);
  showClientTotal(clients.total);
}

/** What to say where there is nothing. */
function orNoMatch(none: string): string {
  return words !== "" ? "Nothing matches the filter." : none;
}

function offerDevices(rows: readonly ActivityRow[]): void {
  for (const row of [...rows].reverse()) if (row.kind === "event") offerDevice(row.deviceId);
}

function isPaused(): boolean {
  return pause.getAttribute("aria-pressed") === "true";
}

/** What a pause has left out is told anew. */
function togglePause(): void {
  const paused = !isPaused();
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Resume" : "Pause";
  activity.pause(paused);
  charts.pause(paused);
  if (!paused) follow();
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

filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = window.setTimeout(follow, TYPING);
});
pause.addEventListener("click", togglePause);
document.addEventListener("keydown", onKey);
startDevicePage();
startSending();
startCounting();
tellFurtherDown("refusal", ["refusal", "refusals"]);
tellFurtherDown("client", ["client", "clients"]);
tellFurtherDown("retained", ["message", "messages"]);
document.addEventListener("visibilitychange", followWhileVisible);
followWhileVisible();
