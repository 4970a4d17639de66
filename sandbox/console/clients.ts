// Who is connected, and what they subscribe to.
import type { ClientRow, Some } from "../http/console/console-messages";
import { andMore, byId, count, element, replaceRows } from "./page";

const list = byId("client-list", HTMLElement);
const note = byId("clients-note", HTMLElement);

export function showClients({ rows, total }: Some<ClientRow>): void {
  replaceRows(list, rows.map(itemOf));
  note.textContent = total === 0 ? "No client is connected." : andMore(rows.length, total);
}

function itemOf({ clientId, user, session, filters, moreFilters }: ClientRow): HTMLElement {
  return element(
    "li",
    {},
    element("strong", { title: clientId }, clientId),
    element("span", { className: "meta" }, `${user}, ${session}`),
    ...filters.map((filter) => element("code", {}, filter)),
    ...(moreFilters > 0
      ? [element("span", { className: "meta" }, `and ${count(moreFilters)} more`)]
      : []),
  );
}
