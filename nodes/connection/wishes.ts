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

interface CommonWish {
  /** Blank is any. */
  readonly updateType: string;
  /** Also what is addressed to `_all`. */
  readonly broadcast: boolean;
  readonly qos: QoS;
}

export interface DeviceWish extends CommonWish {
  readonly kind: "device";
  /** Blank is every device of the user. */
  readonly deviceId: string;
  readonly receive: Receive;
}

export interface GroupWish extends CommonWish {
  readonly kind: "group";
  readonly groups: readonly string[];
}

export type Wish = DeviceWish | GroupWish;

export function filtersOf(who: Identity, wish: Wish): string[] {
  if (wish.kind === "group") {
    const groups = wish.broadcast ? [...wish.groups, EVERYONE] : wish.groups;
    return groups.map((groupId) => groupFilter(who, groupId));
  }
  if (wish.deviceId === "") return [anyDeviceFilter(who)];
  const devices = wish.broadcast ? [wish.deviceId, EVERYONE] : [wish.deviceId];
  return devices.map((deviceId) => deviceFilter(who, deviceId));
}

/** The filters that a message to this address can have come by. */
export function filtersTo(who: Identity, address: Address): string[] {
  if (address.kind === "group") return [groupFilter(who, address.groupId)];
  return [deviceFilter(who, address.deviceId), anyDeviceFilter(who)];
}

/** What a wish is for, more closely than its filters: topics, with `+` and `#` for any level and type. */
export function topicsOf(who: Identity, wish: Wish): string[] {
  const updateType = wish.updateType || "#";
  const everyone = wish.broadcast ? [EVERYONE] : [];
  if (wish.kind === "group") {
    const { projectMqtt } = who;
    return [...new Set([...wish.groups, ...everyone])].map((groupId) =>
      addressTopic({ kind: "group", projectMqtt, groupId, updateType, broadcast: false }),
    );
  }
  const devices = wish.deviceId === "" ? ["+"] : [wish.deviceId, ...everyone];
  return devices.flatMap((deviceId) => {
    const to = { ...who, deviceId, broadcast: false };
    const event = addressTopic({ kind: "event", ...to });
    const update = addressTopic({ kind: "update", ...to, updateType });
    if (wish.receive === "event") return [event];
    return wish.receive === "update" ? [update] : [event, update];
  });
}

/** The filter that stands on the wire for a wanted one, given all that are wanted. */
export function coveringFilter(who: Identity, filter: string, wanted: ReadonlySet<string>): string {
  const anyDevice = anyDeviceFilter(who);
  const isDevice = filter.startsWith(anyDevice.slice(0, -1));
  return isDevice && wanted.has(anyDevice) ? anyDevice : filter;
}

// No level of a topic can be `+` or `#`, so these stand for "any" in a key without a clash.
const ANY_DEVICE = "+";
const ANY_TYPE = "#";

/** The keys under which the router keeps a wish; `addressKeys` looks them up. */
export function wishKeys(wish: Wish): string[] {
  const type = wish.updateType === "" ? ANY_TYPE : wish.updateType;
  if (wish.kind === "group") {
    const groups = wish.broadcast ? [...wish.groups, EVERYONE] : wish.groups;
    return [...new Set(groups)].map((groupId) => `group/${groupId}/${type}`);
  }
  const devices = [wish.deviceId === "" ? ANY_DEVICE : wish.deviceId];
  if (wish.broadcast) devices.push(EVERYONE);
  const keys: string[] = [];
  for (const device of devices) {
    if (wish.receive !== "update") keys.push(`event/${device}`);
    if (wish.receive !== "event") keys.push(`update/${device}/${type}`);
  }
  return keys;
}

/** The keys that a received message can be wanted under. A wish has one of them at the most. */
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
