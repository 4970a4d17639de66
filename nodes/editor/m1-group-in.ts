// The dialog of `m1 group in`: which groups' messages to receive, and as what.

import { M1Error } from "../protocol/errors";
import { datatype, qos, updateType } from "../protocol/settings";
import { topicLevel } from "../protocol/topic-level";
import type { GroupRequest, Own } from "../subscriptions/subscription-request";
import { currentValue, inputOf } from "./dialog";
import { explain, explained, explainedIfSet, hasVariable, shared } from "./explain";
import { hintOf } from "./hints";
import { isSetByMessages, showIdsUnlessByMessage } from "./inputs";
import { offerKnownIds } from "./known-ids";
import { fieldsOf, fillOnPaste } from "./paste";
import { noteLine, say } from "./problems";
import type { EditedNode, Verdict } from "./red";
import { labelStyle, startDialog } from "./start-dialog";
import { whenStill } from "./still";
import { TextList } from "./text-list";
import { previewTopics } from "./topics-preview";

interface Properties {
  name: string;
  connection: string;
  groups: string[];
  broadcast: boolean;
  updateType: string;
  datatype: string;
  qos: string;
  inputs: number;
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
        return isSetByMessages(this) || groupsVerdict(this, Array.isArray(value) ? value : []);
      },
    },
    broadcast: { value: true },
    updateType: { value: "", validate: explained(updateType) },
    datatype: { value: "auto-detect", validate: explainedIfSet(datatype) },
    qos: { value: "1", validate: explainedIfSet(qos) },
    inputs: { value: 0 },
  },
  paletteLabel: "m1 group in",
  label() {
    if (this.name) return this.name;
    if (this.inputs === 1) return shared("label.byMessage");
    const noGroup = this.broadcast === false ? this.type : this._("label.broadcastsOnly");
    return this.groups?.join(", ") || noGroup;
  },
  labelStyle,
  inputLabels() {
    return shared("label.inputs");
  },
  outputLabels() {
    return this._("label.output");
  },
  oneditprepare() {
    startDialog(this);
    const list = groupList();
    const problem = $("#m1-group-in-problem");
    const hint = noteLine("m1-hint", "fa-info-circle").insertAfter(problem);
    const show = () => {
      const groups = list.texts();
      const verdict = groupsVerdict(this, groups);
      say(problem, verdict === true ? undefined : verdict);
      say(hint, verdict === true ? groupsHint(groups) : undefined);
    };
    const warn = () => whenStill(show);
    list.show(this.groups?.length > 0 ? this.groups : [""], {
      placeholder: this._("placeholder.group"),
      label: this._("label.groups"),
      suggestions: offerKnownIds(this, "group"),
      verdict: groupVerdict,
      changed: warn,
    });
    inputOf(this, "broadcast").on("change", warn);
    warn();
    fillOnPaste($("#m1-group-in-groups"), "groupId", (input) => ({
      ...fieldsOf(this, ["updateType"]),
      groupId: list.field(input),
    }));
    showIdsUnlessByMessage(this, $("#m1-group-in-groups-row"));
    previewTopics(this, () => ownRequest(this));
  },
  oneditsave() {
    this.groups = groupList().texts();
  },
});

function ownRequest(node: EditedNode): Own<GroupRequest> {
  if (isSetByMessages(node)) return { kind: "group", ids: ["{msg.groups}"] };
  const ids = groupList()
    .texts()
    .map((group) => topicLevel(group, "groupId"));
  return { kind: "group", ids };
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

/** What any of the groups leaves in doubt, each doubt once. */
function groupsHint(groups: readonly string[]): string | undefined {
  const hints = groups
    .map((group) => hintOf("groupId", group))
    .filter((hint) => hint !== undefined);
  return [...new Set(hints)].join(" ") || undefined;
}

function groupVerdict(group: unknown): Verdict {
  return hasVariable(group) || explain(() => topicLevel(group, "groupId"));
}

function noGroupVerdict(node: EditedNode, groups: unknown[]): Verdict {
  const receivesNothing = groups.length === 0 && currentValue(node, "broadcast") === false;
  return explain(() => {
    if (receivesNothing) throw new M1Error("GROUPS_EMPTY");
  });
}
