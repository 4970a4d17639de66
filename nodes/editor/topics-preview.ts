// What `m1 device in` and `m1 group in` show while they are edited: the topics they would receive.
import { updateType } from "../protocol/settings";
import { type OwnRequest, topicsOf } from "../subscriptions/subscription-request";
import { connectionIdentity, currentValue, elementOf } from "./dialog";
import { livePreview } from "./preview";
import type { EditedNode } from "./red";

/** `own` gives what only this type of node can ask for, from its open dialog. */
export function previewTopics(node: EditedNode, own: () => OwnRequest): void {
  const lines = () =>
    topicsOf(connectionIdentity(node), {
      ...own(),
      updateType: updateType(currentValue(node, "updateType")),
      broadcast: currentValue(node, "broadcast") === true,
      // Topics are the same at any.
      qos: 0,
    });
  livePreview({ element: elementOf(node, "topics"), lines });
}
