// The two panels below the user MQTT ID that ask the REST API: one looks it up, the other has a new user made.
import type { M1Error } from "../protocol/errors";
import { actionButton, type Outcome } from "./action-button";
import { ask } from "./ask";
import { fillIn } from "./dialog";
import { shared, translateError } from "./explain";
import { foldableSection } from "./foldable-section";
import { newPassword } from "./new-password";
import type { EditedNode } from "./red";

interface LookedUp {
  readonly userMqtt: string;
}

type Created = LookedUp | { readonly unread: Pick<M1Error, "code" | "details"> };

export function offerRestPanels(node: EditedNode): void {
  // One address for both.
  const urls = $("#m1-connection-rest-url, #m1-connection-create-rest-url");
  urls.on("input", (event) => urls.not(event.target).val($(event.target).val() ?? ""));
  offerLookup(node);
  offerCreation(node);
}

function offerLookup(node: EditedNode): void {
  foldableSection($("#m1-connection-lookup-button"));
  actionButton($("#m1-connection-lookup-go"), {
    busy: shared("note.lookingUp"),
    ask: () =>
      ask<LookedUp>(node, "user", {
        loginId: textOf("#m1-connection-login-id").trim(),
        restUrl: textOf("#m1-connection-rest-url"),
      }),
    succeed: ({ userMqtt }) => {
      fillIn(node, "userMqtt", userMqtt);
      return [{ isGood: true, words: shared("note.lookedUp", { userMqtt }) }];
    },
  });
  goOnEnter("#m1-connection-lookup", "#m1-connection-lookup-go");
}

function offerCreation(node: EditedNode): void {
  foldableSection($("#m1-connection-create-button"));
  const passwords = new Map<string, string>();
  /** Of each user one, shown before it is sent: an attempt whose answer is lost may have made the user with it. */
  const passwordOf = (loginId: string) => {
    const password = passwords.get(loginId) ?? newPassword();
    passwords.set(loginId, password);
    $("#m1-connection-new-password").val(password).closest(".form-row").prop("hidden", false);
    return password;
  };
  const loginId = () => textOf("#m1-connection-new-login-id").trim();
  actionButton($("#m1-connection-create-go"), {
    busy: shared("note.creating"),
    ask: () =>
      ask<Created>(node, "new-user", {
        restUrl: textOf("#m1-connection-create-rest-url"),
        registrationLoginId: textOf("#m1-connection-registration-login-id").trim(),
        registrationPassword: textOf("#m1-connection-registration-password"),
        newLoginId: loginId(),
        newPassword: passwordOf(loginId()),
      }),
    succeed: (created) => {
      $("#m1-connection-registration-password").val("");
      $("#m1-connection-login-id").val(loginId());
      fillIn(node, "userPassword", passwordOf(loginId()));
      if ("userMqtt" in created) fillIn(node, "userMqtt", created.userMqtt);
      return [creationOutcome(created, loginId())];
    },
  });
  goOnEnter("#m1-connection-create", "#m1-connection-create-go");
  const copy = $("#m1-connection-copy-password");
  copy.on("click", () => {
    const text = textOf("#m1-connection-new-password");
    RED.clipboard.copyText(text, copy, "clipboard.copyMessageValue");
  });
}

function creationOutcome(created: Created, loginId: string): Outcome {
  if ("userMqtt" in created) return { isGood: true, words: shared("note.created", { loginId }) };
  const reason = translateError(created.unread);
  return { isGood: false, words: shared("note.createdUnread", { loginId, reason }) };
}

function textOf(input: string): string {
  return String($(input).val());
}

/** In any input of the panel that can be typed into. */
function goOnEnter(panel: string, button: string): void {
  // On the way down, the change of the input would come after it.
  $(panel).on("keyup", "input:not([readonly])", ({ key }) => {
    if (key === "Enter") $(button).trigger("click");
  });
}
