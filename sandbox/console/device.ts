// Devices by name, each of which leads to a page of its own: `?device=project/user/device`.
import { EVERYONE } from "../../nodes/protocol/topic-level";
import { byId, element } from "./page";

/** `project/user/device`, whose page this is; empty if it is that of all devices. */
export const shownDevice = new URLSearchParams(location.search).get("device") ?? "";

/** Of the page's device; both are empty on the page of all devices. */
export const [shownUser, shownId] = partsOf(shownDevice);

/** `project/user` and the ID, which may be empty. */
export function partsOf(device: string): [user: string, id: string] {
  const [project = "", user = "", ...id] = device.split("/");
  return [user === "" ? project : `${project}/${user}`, id.join("/")];
}

/** What is known of one device only. */
export function startDevicePage(): void {
  if (shownDevice === "") return;
  document.title = `${shownId} – ${document.title}`;
  byId("device", HTMLElement).hidden = false;
  byId("device-name", HTMLElement).textContent = shownId;
  byId("device-user", HTMLElement).textContent = shownUser;
  document.body.classList.add("one-device");
  // Who is connected, and who was refused, is told of clients.
  for (const id of ["refusals", "clients"]) byId(id, HTMLElement).hidden = true;
}

/** Its name, which leads to its page, unless it is no single device, or cut to be shown. */
export function deviceName(user: string, id: string): HTMLElement {
  const device = `${user}/${id}`;
  const isOne = id !== "" && id !== EVERYONE && !isCut(id);
  if (!isOne || device === shownDevice) return element("span", {}, id || "no device");
  const href = `?device=${device.split("/").map(encodeURIComponent).join("/")}`;
  return element("a", { className: "device-link", href }, id);
}

/** An ID that was cut to be shown is no device's: all of them are ASCII. */
export function isCut(id: string): boolean {
  return id.endsWith("…");
}
