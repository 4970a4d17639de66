// What a receiving node asks for, as filters for the broker and as keys for the router.
//
// On the wire stand only the filters that Medium One documents (wire-contract: Topics): all of one
// device, all of every device, all of one group. Any two of these either nest or have nothing in
// common, so a broker that sends one copy per matching subscription still sends just one. Which kind
// and type of message a node wants is decided here, by the router.
import type { QoS, Receive } from "../protocol/settings";
import { EVERYONE } from "../protocol/topic-level";
import {
  type Address,
  addressTopic,
  anyDeviceFilter,
  deviceFilter,
  groupFilter,
  type Identity,
} from "../protocol/topics";

// No level of a topic can be `+` or `#`, so these stand for "any" in a key without a clash.
const ANY_DEVICE = "+";
const ANY_TYPE = "#";

interface CommonRequest {
  /** Of devices or of groups. A blank one is every device of the user. */
  readonly ids: readonly string[];
  /** Blank is any. */
  readonly updateType: string;
  /** Also what is addressed to `_all`. */
  readonly broadcast: boolean;
  readonly qos: QoS;
}

export interface DeviceRequest extends CommonRequest {
  readonly kind: "device";
  readonly receive: Receive;
}

export interface GroupRequest extends CommonRequest {
  readonly kind: "group";
}

export type SubscriptionRequest = DeviceRequest | GroupRequest;

/** What is left of a request without what is set alike for both kinds. */
export type Own<Request extends SubscriptionRequest> = Omit<
  Request,
  Exclude<keyof CommonRequest, "ids">
>;
export type OwnRequest = Own<DeviceRequest> | Own<GroupRequest>;

export function filtersOf(identity: Identity, request: SubscriptionRequest): string[] {
  if (request.kind === "group") {
    return addressees(request).map((groupId) => groupFilter(identity, groupId));
  }
  if (isForEveryDevice(request)) return [anyDeviceFilter(identity)];
  return addressees(request).map((deviceId) => deviceFilter(identity, deviceId));
}

function isForEveryDevice({ kind, ids }: SubscriptionRequest): boolean {
  return kind === "device" && ids.includes("");
}

/** The IDs that a message of the request may be addressed to, each once; every one that names a device is ANY_DEVICE. */
function addressees(request: SubscriptionRequest): readonly string[] {
  const ids = isForEveryDevice(request) ? [ANY_DEVICE] : request.ids;
  return [...new Set(request.broadcast ? [...ids, EVERYONE] : ids)];
}

/** The filters that a message to this address can have come by. */
export function filtersTo(identity: Identity, address: Address): string[] {
  if (address.kind === "group") return [groupFilter(identity, address.groupId)];
  return [deviceFilter(identity, address.deviceId), anyDeviceFilter(identity)];
}

/** What a request is for, more closely than its filters: topics, with `+` and `#` for any level and type. */
export function topicsOf(identity: Identity, request: SubscriptionRequest): string[] {
  const updateType = request.updateType || "#";
  if (request.kind === "group") {
    const { projectMqtt } = identity;
    return addressees(request).map((groupId) =>
      addressTopic({ kind: "group", projectMqtt, groupId, updateType, broadcast: false }),
    );
  }
  const devices = isForEveryDevice(request) ? [ANY_DEVICE] : addressees(request);
  return devices.flatMap((deviceId) => {
    const to = { ...identity, deviceId, broadcast: false };
    const event = addressTopic({ kind: "event", ...to });
    const update = addressTopic({ kind: "update", ...to, updateType });
    if (request.receive === "event") return [event];
    return request.receive === "update" ? [update] : [event, update];
  });
}

/** The filter that stands on the wire for a wanted one, given all that are wanted. */
export function coveringFilter(
  identity: Identity,
  filter: string,
  wanted: ReadonlySet<string>,
): string {
  const anyDevice = anyDeviceFilter(identity);
  const isDevice = filter.startsWith(anyDevice.slice(0, -1));
  return isDevice && wanted.has(anyDevice) ? anyDevice : filter;
}

/** The keys under which the router keeps a request; `addressKeys` looks them up. */
export function requestKeys(request: SubscriptionRequest): string[] {
  const type = request.updateType === "" ? ANY_TYPE : request.updateType;
  if (request.kind === "group") {
    return addressees(request).map((groupId) => `group/${groupId}/${type}`);
  }
  const keys: string[] = [];
  for (const device of addressees(request)) {
    if (request.receive !== "update") keys.push(`event/${device}`);
    if (request.receive !== "event") keys.push(`update/${device}/${type}`);
  }
  return keys;
}

/** The keys that a received message can be wanted under. A request has one of them at the most. */
export function addressKeys(address: Address): string[] {
  if (address.kind === "group") {
    const group = `group/${address.groupId}`;
    return [`${group}/${address.updateType}`, `${group}/${ANY_TYPE}`];
  }
  const devices = address.broadcast ? [EVERYONE] : [address.deviceId, ANY_DEVICE];
  if (address.kind === "event") return devices.map((device) => `event/${device}`);
  return devices.flatMap((device) => [
    `update/${device}/${address.updateType}`,
    `update/${device}/${ANY_TYPE}`,
  ]);
}
