// The dialog of `m1 group in`: which groups' messages to receive, and as what.

import { M1Error } from "../protocol/errors";
import { datatype, qos, updateType } from "../protocol/settings";
import { topicLevel } from "../protocol/topic-level";
import { topicsOf } from "../subscriptions/subscription-request";
import { connectionIdentity, currentValue, inputOf, openDialog } from "./dialog";
import { explain, explained, explainedIfSet, isEnvironmentReference, shared } from "./explain";
import { foldableSection } from "./foldable-section";
import { fieldsOf, fillOnPaste } from "./paste";
import { livePreview } from "./preview";
import { showProblems } from "./problems";
import type { EditedNode, Verdict } from "./red";
import { TextList } from "./text-list";

interface Properties {
  name: string;
  connection: string;
  groups: string[];
  broadcast: boolean;
  updateType: string;
  datatype: string;
  qos: string;
}

RED.nodes.registerType<Properties>("m1 group in", {
  category: "Medium One",
  color: "#9DB8BF",
  icon: "m1-group-in.svg",
  inputs: 0,
  outputs: 1,
  defaults: {
    name: { value: "" },
    connection: {
      value: "",
      type: "m1 connection",
      required: true,
      label: shared("label.connection"),
    },
    groups: {
      value: [],
      validate(value, _options) {
        return groupsVerdict(this, Array.isArray(value) ? value : []);
      },
    },
    broadcast: { value: true },
    updateType: { value: "", validate: explained(updateType) },
    datatype: { value: "auto-detect", validate: explainedIfSet(datatype) },
    qos: { value: "1", validate: explainedIfSet(qos) },
  },
  paletteLabel: "m1 group in",
  label() {
    const everyGroup = this.broadcast === false ? this.type : this._("label.everyGroup");
    return this.name || this.groups?.join(", ") || everyGroup;
  },
  labelStyle() {
    return this.name ? "node_label_italic" : "";
  },
  outputLabels() {
    return this._("label.output");
  },
  oneditprepare() {
    openDialog(this);
    showProblems(this);
    foldableSection($("#m1-group-in-advanced-button"));
    const list = groupList();
    const warn = () => {
      const verdict = groupsVerdict(this, list.texts());
      $("#m1-group-in-problem").toggle(verdict !== true);
      $("#m1-group-in-problem span").text(verdict === true ? "" : verdict);
    };
    list.show(this.groups?.length > 0 ? this.groups : [""], {
      placeholder: this._("placeholder.group"),
      label: this._("label.groups"),
      verdict: groupVerdict,
      changed: warn,
    });
    inputOf(this, "broadcast").on("change", warn);
    warn();
    fillOnPaste($("#m1-group-in-groups"), "groupId", (input) => ({
      ...fieldsOf(this, ["updateType"]),
      groupId: list.field(input),
    }));
    livePreview({ element: $("#m1-group-in-topics"), lines: () => previewTopics(this) });
  },
  oneditsave() {
    this.groups = groupList().texts();
  },
});

/** The topics of what the node receives. */
function previewTopics(node: EditedNode): string[] {
  return topicsOf(connectionIdentity(node), {
    kind: "group",
    groups: groupList()
      .texts()
      .map((group) => topicLevel(group, "groupId")),
    updateType: updateType(currentValue(node, "updateType")),
    broadcast: currentValue(node, "broadcast") === true,
    qos: 0,
  });
}

function groupList(): TextList {
  return new TextList($("#m1-group-in-groups"));
}

function groupsVerdict(node: EditedNode, groups: unknown[]): Verdict {
  for (const group of groups) {
    const verdict = groupVerdict(group);
    if (verdict !== true) return verdict;
  }
  return noGroupVerdict(node, groups);
}

function groupVerdict(group: unknown): Verdict {
  return isEnvironmentReference(group) || explain(() => topicLevel(group, "groupId"));
}

function noGroupVerdict(node: EditedNode, groups: unknown[]): Verdict {
  const receivesNothing = groups.length === 0 && currentValue(node, "broadcast") === false;
  return explain(() => {
    if (receivesNothing) throw new M1Error("GROUPS_EMPTY");
  });
}
