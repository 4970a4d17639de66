// What `m1 device in` and `m1 group in` show while they are edited: the topics of their messages, and their filters.
import { updateType } from "../protocol/settings";
import { filtersOf, type OwnRequest, topicsOf } from "../subscriptions/subscription-request";
import { connectionIdentity, currentValue, elementOf } from "./dialog";
import { livePreview } from "./preview";
import type { EditedNode } from "./red";

/** `own` gives what only this type of node can ask for, from its open dialog. */
export function previewTopics(node: EditedNode, own: () => OwnRequest): void {
  const request = () => ({
    ...own(),
    updateType: updateType(currentValue(node, "updateType")),
    broadcast: currentValue(node, "broadcast") === true,
    // Topics are the same at any.
    qos: 0 as const,
  });
  livePreview(
    {
      element: elementOf(node, "topics"),
      lines: () => topicsOf(connectionIdentity(node), request()),
    },
    {
      element: elementOf(node, "filters"),
      lines: () => filtersOf(connectionIdentity(node), request()),
    },
  );
}
