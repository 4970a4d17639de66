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

interface CommonRequest {
  /** Blank is any. */
  readonly updateType: string;
  /** Also what is addressed to `_all`. */
  readonly broadcast: boolean;
  readonly qos: QoS;
}

export interface DeviceRequest extends CommonRequest {
  readonly kind: "device";
  /** Blank is every device of the user. */
  readonly deviceId: string;
  readonly receive: Receive;
}

export interface GroupRequest extends CommonRequest {
  readonly kind: "group";
  readonly groups: readonly string[];
}

export type SubscriptionRequest = DeviceRequest | GroupRequest;

/** What is left of a request without what every request has. */
export type Own<Request extends SubscriptionRequest> = Omit<Request, keyof CommonRequest>;
export type OwnRequest = Own<DeviceRequest> | Own<GroupRequest>;

export function filtersOf(identity: Identity, request: SubscriptionRequest): string[] {
  if (request.kind === "group") {
    return groupsOf(request).map((groupId) => groupFilter(identity, groupId));
  }
  if (request.deviceId === "") return [anyDeviceFilter(identity)];
  const devices = request.broadcast ? [request.deviceId, EVERYONE] : [request.deviceId];
  return devices.map((deviceId) => deviceFilter(identity, deviceId));
}

function groupsOf({ groups, broadcast }: GroupRequest): readonly string[] {
  return broadcast ? [...groups, EVERYONE] : groups;
}

/** The filters that a message to this address can have come by. */
export function filtersTo(identity: Identity, address: Address): string[] {
  if (address.kind === "group") return [groupFilter(identity, address.groupId)];
  return [deviceFilter(identity, address.deviceId), anyDeviceFilter(identity)];
}

/** What a request is for, more closely than its filters: topics, with `+` and `#` for any level and type. */
export function topicsOf(identity: Identity, request: SubscriptionRequest): string[] {
  const updateType = request.updateType || "#";
  const everyone = request.broadcast ? [EVERYONE] : [];
  if (request.kind === "group") {
    const { projectMqtt } = identity;
    return [...new Set([...request.groups, ...everyone])].map((groupId) =>
      addressTopic({ kind: "group", projectMqtt, groupId, updateType, broadcast: false }),
    );
  }
  const devices = request.deviceId === "" ? ["+"] : [request.deviceId, ...everyone];
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

// No level of a topic can be `+` or `#`, so these stand for "any" in a key without a clash.
const ANY_DEVICE = "+";
const ANY_TYPE = "#";

/** The keys under which the router keeps a request; `addressKeys` looks them up. */
export function requestKeys(request: SubscriptionRequest): string[] {
  const type = request.updateType === "" ? ANY_TYPE : request.updateType;
  if (request.kind === "group") {
    return [...new Set(groupsOf(request))].map((groupId) => `group/${groupId}/${type}`);
  }
  const devices = [request.deviceId === "" ? ANY_DEVICE : request.deviceId];
  if (request.broadcast) devices.push(EVERYONE);
  const keys: string[] = [];
  for (const device of devices) {
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
