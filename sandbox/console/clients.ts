// Who is connected, and what they subscribe to.
import type { ClientRow, Some } from "../http/console-messages";
import { andMore, byId, element, showRows } from "./page";

const list = byId("client-list", HTMLElement);
const note = byId("clients-note", HTMLElement);

export function showClients({ rows, total }: Some<ClientRow>): void {
  const text = total === 0 ? "No client is connected." : andMore(rows.length, total);
  showRows(list, rows.map(itemOf), note, text);
}

function itemOf({ clientId, user, session, filters }: ClientRow): Node {
  return element(
    "li",
    {},
    element("strong", { title: clientId }, clientId),
    element("span", { className: "meta" }, `${user}, ${session}`),
    ...filters.map((filter) => element("code", {}, filter)),
  );
}
