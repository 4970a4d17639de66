// The rule behind each refusal, and where Medium One or MQTT writes it down.
import type { RefusalCode } from "./refusal";

export interface RefusalRule {
  readonly rule: string;
  /** None: a rule of the sandbox's own. */
  readonly source?: string;
}

const DOCS = "https://medium1.zendesk.com/hc/en-us/articles";
const INTRODUCTION = `${DOCS}/360037048134-Introduction`;
const TOPICS = `${DOCS}/360037546513-Topics`;
const STREAMS_AND_TAGS = `${DOCS}/360037036634-Streams-and-Tags`;
const AUTHENTICATION = `${DOCS}/360037046934-Authentication`;
const USERS = `${DOCS}/360037047034-CRUD-Basic-Users`;
const EVENTS = `${DOCS}/360037047134-CRUD-Events`;
const BOUNDS =
  "https://github.com/m1-community/node-red-medium-one/blob/main/docs/sandbox.md#safety-and-bounds";
const MQTT = "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html";

interface Rule extends RefusalRule {
  readonly codes: RegExp;
  /** Method and path of the call whose body is as the rule says. */
  readonly call?: RegExp;
}

/** The first whose pattern matches the code holds. */
const RULES: readonly Rule[] = [
  {
    codes: /^(USERNAME|PASSWORD|API_KEY|USER_PASSWORD|PROJECT_UNKNOWN$|USER_UNKNOWN$)/,
    rule: "A device logs in as <project_mqtt>/<user_mqtt> with <api_key>/<user_password>",
    source: INTRODUCTION,
  },
  {
    codes: /_FULL$|^PACKET_TOO_LONG$/,
    rule: "The sandbox holds so much and no more, so that nothing fills its memory",
    source: BOUNDS,
  },
  {
    codes: /^NAME_/,
    rule: "The sandbox takes names of 1,024 characters and 90 levels at the most",
    source: BOUNDS,
  },
  {
    codes: /^TLS$/,
    rule: "The sandbox was started with TLS: whoever connects must trust its certificate",
  },
  {
    codes: /^DISK_FAILED$/,
    rule: "The sandbox was started with --data: what it keeps there is to outlive it",
  },
  {
    codes: /^WEATHER$/,
    rule: "The sandbox was started with --refuse",
  },
  {
    codes: /^CLIENT_ID_EMPTY$/,
    rule: "Only a clean session may have no client ID (MQTT-3.1.3-8)",
    source: MQTT,
  },
  {
    codes: /^CLIENT_ID_TAKEN$/,
    rule: "A client ID is unique, and a session is its user's",
    source: INTRODUCTION,
  },
  {
    codes: /^CLIENT_ID_/,
    rule: "A client ID has up to 32 characters, all of them ASCII",
    source: INTRODUCTION,
  },
  {
    codes: /^(PROTOCOL_VERSION|SUBPROTOCOL|PACKET)$/,
    rule: "Medium One's clients speak MQTT 3.1.1",
    source: MQTT,
  },
  {
    codes: /^WEBSOCKET$/,
    rule: "MQTT travels in binary messages over WebSocket (MQTT-6.0.0-1)",
    source: MQTT,
  },
  {
    codes: /^EVENT_RETAINED$/,
    rule: "The sandbox takes a retained event for a mistake: nobody could receive it",
  },
  {
    codes: /^TOPIC_/,
    rule: "A device sends its events to 0/<project_mqtt>/<user_mqtt>/<device_id>",
    source: TOPICS,
  },
  {
    codes: /^FILTER_FOREIGN$/,
    rule: "A user receives what is sent to it, and to the groups of its project",
    source: INTRODUCTION,
  },
  {
    codes: /^LEVEL_/,
    rule: "Device and group IDs are ASCII without control characters, #, + and /",
    source: INTRODUCTION,
  },
  {
    codes: /^EVENT_TOO_LONG$/,
    rule: "An event has 65,536 characters at the most, from brace to brace",
    source: STREAMS_AND_TAGS,
  },
  {
    codes: /^DATA_TOO_DEEP$/,
    rule: "The sandbox takes events that nest 200 levels deep at the most",
    source: BOUNDS,
  },
  {
    codes: /^TIME_/,
    rule: "observed_at is ISO 8601 with a zone; over MQTT to the microsecond",
    source: INTRODUCTION,
  },
  {
    codes: /^(DATA|ENVELOPE)_/,
    rule: "An event is a JSON object: event_data, and if wanted observed_at, stream, add_client_ip",
    source: TOPICS,
  },
  {
    codes: /^BODY_TOO_LONG$/,
    rule: "REST: the events that are posted have 10 MB at the most",
    source: EVENTS,
  },
  {
    codes: /^(LOGIN_ID_NEEDED|EVENTS_MISSING|LINE|QUERY)$/,
    rule: "REST: events are posted one JSON document a line, and listed by since, until, limit and sort",
    source: EVENTS,
  },
  {
    codes: /^(ROLE|USER_FOREIGN|USER_EXISTS|PASSWORD_SIMPLE)$/,
    call: /^POST \/v2\/users/,
    rule: "REST: a basic user sees itself; business and registration users create users",
    source: USERS,
  },
  {
    codes: /^(LOGIN_|SESSION_MISSING$)/,
    call: /^POST \/v2\/login/,
    rule: "REST: log in with login_id, password and api_key; a session lasts 24 hours",
    source: AUTHENTICATION,
  },
];

const OWN: RefusalRule = { rule: "A rule of the sandbox's own" };

/** Of a body that is not what the call takes. */
const OF_THE_BODY = /^(BODY_NOT_JSON|FIELD_MISSING)$/;

/** `call` is the method and path of a request. */
export function ruleBehind(code: RefusalCode, call = ""): RefusalRule {
  const found = OF_THE_BODY.test(code)
    ? RULES.find((rule) => rule.call?.test(call))
    : RULES.find(({ codes }) => codes.test(code));
  return found ?? OWN;
}
