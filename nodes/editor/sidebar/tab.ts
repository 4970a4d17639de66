// The tab of the sidebar, which is there as long as the type of the connection is.
import { Panel } from "./panel";

const TAB = "m1-outbox";
const ACTION = "m1:show-outbox";
const NAME = "Medium One";

let panel: Panel | undefined;

/** For `onpaletteadd`. */
export function addTab(): void {
  if (panel) return;
  panel = new Panel();
  RED.sidebar.addTab({
    id: TAB,
    label: NAME,
    name: NAME,
    content: panel.element,
    iconClass: "fa fa-cloud-upload",
    action: ACTION,
    enableOnEdit: true,
  });
  RED.actions.add(ACTION, () => RED.sidebar.show(TAB), {
    label: "@m1-community/node-red-medium-one/m1-connection:sidebar.action.show",
  });
  panel.start();
}

/** For `onpaletteremove`. */
export function removeTab(): void {
  panel?.stop();
  panel = undefined;
  RED.actions.remove(ACTION);
  RED.sidebar.removeTab(TAB);
}
