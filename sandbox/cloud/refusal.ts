// What the sandbox refuses and why: a code to match on, and words that say what would be right.
import {
  type ErrorCode,
  type ErrorDetails,
  fillTemplate,
  M1Error,
} from "../../nodes/protocol/errors";

const REASONS = {
  PROTOCOL_VERSION:
    "The CONNECT asks for MQTT protocol level __level__; Medium One speaks level 4 (MQTT 3.1.1)",
  CLIENT_ID_EMPTY:
    "The client ID is empty, so there is nothing to keep a session under: give one, or ask for a clean session",
  CLIENT_ID_TAKEN:
    "The client ID is that of another user's session, which is kept: give each client one of its own",
  USERNAME_MISSING: "There is no username; it is <project_mqtt>/<user_mqtt>",
  USERNAME_FORM: "The username is not of the form <project_mqtt>/<user_mqtt>",
  USERNAME_HOLDS_KEY:
    "The username holds an API key, which belongs in the password, <api_key>/<user_password>; the username is <project_mqtt>/<user_mqtt>",
  PROJECT_UNKNOWN:
    "There is no project here of the name before the username's /; the username is <project_mqtt>/<user_mqtt>, and case matters",
  USER_UNKNOWN:
    "The project __projectMqtt__ has no user of that name; the username is <project_mqtt>/<user_mqtt>, and case matters",
  PASSWORD_MISSING: "There is no password; it is <api_key>/<user_password>",
  PASSWORD_FORM: "The password is not of the form <api_key>/<user_password>",
  API_KEY_WRONG:
    "The API key, the password's part before its first /, is not a key of __username__",
  USER_PASSWORD_WRONG:
    "The user password, the password's part after its first /, is not that of __username__",
  TOPIC_NOT_EVENT:
    "A device publishes events only, to __own__<device_id>, and nothing to __topic__",
  TOPIC_FOREIGN: "__topic__ is another user's; this connection publishes to __own__<device_id>",
  EVENT_RETAINED: "An event goes to the cloud once: it must not carry the retain flag",
  FILTER_FOREIGN:
    "__filter__ reaches beyond the user: __devices__# and __groups__# are what it may subscribe to",
  SUBPROTOCOL: "A WebSocket must offer the subprotocol mqtt (MQTT-6.0.0-3)",
  WEBSOCKET: "Not a WebSocket message that is allowed here: __reason__; it has 16 MB at the most",
  TLS: "The TLS handshake failed (__reason__): a client must speak TLS here, trust the sandbox's certificate, and connect by a name that is in it",
  WEATHER: "The server is unavailable, as the sandbox was told to be now and then",
  PACKET: "Not a packet that MQTT allows here: __reason__",
  PACKET_TOO_LONG: "A packet of __length__ bytes is on its way; the sandbox takes __limit__",
  HOST_FOREIGN:
    "The request is for the host __host__; only localhost, IP addresses and names that it was told of (--allow-host) are answered, so that no web page can reach the sandbox through a name of its own",
  ORIGIN_FOREIGN:
    "The request comes from a page of __origin__; only the sandbox's own page may make it",
  PATH_UNKNOWN: "There is nothing at __path__",
  METHOD: "__path__ takes __allowed__, not __method__",
  BODY_TOO_LONG: "The events have more than __limit__ bytes together",
  FORM_TOO_LONG: "The body is longer than __limit__ bytes",
  BODY_NOT_JSON: "The body must be a JSON object",
  FIELD_MISSING: "The body must give __field__ as text that is not empty",
  FIELD_NOT_TEXT: "__field__ must be text",
  LOGIN_ID_UNKNOWN: "No user has this login_id",
  LOGIN_KEY_WRONG: "The api_key is not one that __loginId__ may use",
  LOGIN_PASSWORD_WRONG: "The password is not that of __loginId__",
  SESSION_MISSING:
    "Nobody is logged in: post to /v2/login first, then send its cookie, or its token as ?token=",
  ROLE: "A __role__ user may not do this",
  USER_FOREIGN: "There is no user __loginId__ that __self__ may see",
  USER_EXISTS: "The project has a user __loginId__ already",
  PASSWORD_SIMPLE: "The password is too simple: it must have __limit__ characters at the least",
  LOGIN_ID_NEEDED: "A business user must name a user: /v2/events/<stream>/<login_id>",
  EVENTS_MISSING: "The body must hold an event, or several with each on a line of its own",
  LINE: "Line __line__: __reason__",
  FEEDS: "There are __limit__ pages of the console open already",
  KIND: "kind must be event, update or group",
  NOT_RETAINED: "Nothing is retained at __topic__",
  PAGE_NOT_BUILT: "The console's page is not built: run node sandbox/build.mjs",
  NAME_TOO_LONG: "The __what__ has __length__ characters; the sandbox takes __limit__",
  NAME_TOO_DEEP: "The __what__ has __levels__ levels; the sandbox takes __limit__",
  EARLY_FULL:
    "__limit__ packets came before the CONNACK, and the sandbox keeps no more of them: wait for it first",
  SUBSCRIPTIONS_FULL: "The client has __limit__ subscriptions, and may have no more",
  FILTERS_FULL:
    "All sessions together have __limit__ subscriptions at the most, with 16 million characters",
  CLIENTS_FULL: "There are __limit__ connections already, logged in or not, and may be no more",
  UNRELEASED_FULL:
    "__limit__ messages at QoS 2 wait for the client's PUBREL, and there may be no more",
  RETAINED_FULL:
    "The message was sent, but is not retained: __limit__ topics retain one at the most, with 16 MB together. Remove one, and there is room",
  WAITING_FULL:
    "__limit__ messages wait for clients at the most, with 16 MB together: the oldest give way to new ones until the clients have come for them",
  UNREAD_FULL:
    "Clients have left __limit__ bytes unread, all together, and the sandbox holds no more: this one has left the most",
  SESSIONS_FULL:
    "__limit__ clients that are away have a session at the most: this one, away longest, has none any more",
  DEVICES_FULL:
    "A workflow remembers __limit__ devices at the most: from now on those that it heard of longest ago count as new",
  USERS_FULL: "__limit__ users are made over REST at the most",
  DISK_FAILED:
    "The disk failed (__reason__): nothing new is kept in __folder__, and the sandbox goes on in memory until it is started again",
  QUERY: "__name__ must be __accepted__, not __value__",
} as const;

export type RefusedReason = keyof typeof REASONS;
export type RefusalCode = ErrorCode | RefusedReason;

/** CONNACK return codes of MQTT 3.1.1, table 3.1. */
export type ReturnCode = 1 | 2 | 3 | 4 | 5;

export class Refused extends Error {
  readonly code: RefusalCode;
  /** Only of a refused CONNECT. */
  readonly returnCode: ReturnCode | undefined;

  private constructor(code: RefusalCode, reason: string, returnCode?: ReturnCode) {
    super(reason);
    this.name = "Refused";
    this.code = code;
    this.returnCode = returnCode;
  }

  static because(code: RefusedReason, details: ErrorDetails = {}): Refused {
    return new Refused(code, fillTemplate(REASONS[code], details));
  }

  /** An error of the wire contract as a refusal; any other error is a fault of ours and thrown. */
  static from(error: unknown): Refused {
    if (error instanceof Refused) return error;
    if (error instanceof M1Error) return new Refused(error.code, error.message);
    throw error;
  }

  answeredWith(returnCode: ReturnCode): Refused {
    return new Refused(this.code, this.message, returnCode);
  }
}
