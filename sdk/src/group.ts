import type { TYPES } from './constants.js';
import { lastMessage } from './message.js';
import type { Group, GroupMember } from './models.js';
import type { Conversation as WireConversation, GroupMember as WireMember, GroupProfile } from './protocol.js';

/** Groups and members as apps know them. */

export function toGroup(wire: GroupProfile, me: string, conversation?: WireConversation): Group {
  return {
    groupID: wire.groupId,
    name: wire.name,
    avatar: wire.avatar,
    type: wire.type as TYPES,
    introduction: wire.introduction,
    notification: wire.notification,
    ownerID: wire.ownerId,
    createTime: wire.createTime,
    infoSequence: wire.infoSequence,
    lastInfoTime: wire.lastInfoTime,
    selfInfo: {
      userID: me,
      role: wire.me?.role ?? '',
      joinTime: wire.me?.joinTime ?? 0,
      nameCard: wire.me?.nameCard ?? '',
      messageRemindType: conversation?.remindType ?? 'AcceptAndNotify',
      muteTime: wire.me?.muteUntil ?? 0,
    },
    lastMessage: lastMessage(conversation?.lastMessage ?? null, me, 0),
    nextMessageSeq: (conversation?.head ?? 0) + 1,
    memberCount: wire.memberCount,
    maxMemberCount: wire.maxMemberCount,
    muteAllMembers: wire.muteAllMembers,
    joinOption: wire.joinOption as TYPES,
    inviteOption: wire.inviteOption,
    groupCustomField: [],
    isSupportTopic: false,
  };
}

export function toMember(wire: WireMember): GroupMember {
  return {
    userID: wire.userId,
    nick: wire.nick,
    avatar: wire.avatar,
    role: wire.role,
    joinTime: wire.joinTime,
    nameCard: wire.nameCard,
    muteUntil: wire.muteUntil,
    isOnline: wire.isOnline,
    memberCustomField: [],
  };
}
