import { TYPES } from './constants.js';
import type { Friend, FriendApplication, Profile } from './models.js';
import type {
  Friend as WireFriend, FriendApplication as WireApplication, Profile as WireProfile,
} from './protocol.js';

/** Users as apps know them. Empty parts are absent on the wire. */

export function toProfile(wire: WireProfile): Profile {
  const now = Date.now();
  return {
    userID: wire.userId,
    nick: wire.nick ?? '',
    avatar: wire.avatar ?? '',
    gender: (wire.gender ?? TYPES.GENDER_UNKNOWN) as TYPES,
    birthday: wire.birthday ?? 0,
    location: wire.location ?? '',
    selfSignature: wire.selfSignature ?? '',
    allowType: (wire.allowType ?? TYPES.ALLOW_TYPE_ALLOW_ANY) as TYPES,
    language: wire.language ?? 0,
    messageSettings: wire.messageSettings ?? 0,
    adminForbidType: TYPES.FORBID_TYPE_NONE,
    level: wire.level ?? 0,
    role: wire.role ?? 0,
    lastUpdatedNumber: now,
    lastUpdatedTime: now,
    profileCustomField: [],
  };
}

export function toFriend(wire: WireFriend): Friend {
  return {
    userID: wire.userId,
    remark: wire.remark,
    groupList: [],
    source: wire.source,
    wording: wire.wording,
    timeStamp: wire.time,
    profile: toProfile(wire.profile),
    friendCustomField: [],
  };
}

export function toApplication(wire: WireApplication): FriendApplication {
  return {
    userID: wire.userId,
    nick: wire.nick,
    avatar: wire.avatar,
    time: wire.time,
    source: wire.source,
    wording: wire.wording,
    type: wire.sent ? TYPES.SNS_APPLICATION_SENT_BY_ME : TYPES.SNS_APPLICATION_SENT_TO_ME,
  };
}
