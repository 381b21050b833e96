import { t } from '../messages';
import { knownName, userName } from './names';
import { type GroupNotice, type GroupTip, noticeOf, textOf, tipOf } from './payloads';
import { type Conversation, isGroupID, type Message, TYPES } from './sdk';

const listFormat = (names: string[]) => names.join(t('tip.separator'));

function tipNames(tip: GroupTip): string {
  if (tip.memberList !== undefined && tip.memberList.length > 0) return listFormat(tip.memberList.map(userName));
  const ids = (tip.userIDList ?? []).map(knownName);
  return listFormat(ids.length > 0 ? ids : [tip.operatorInfo === undefined ? tip.operatorID : userName(tip.operatorInfo)]);
}

function profileChange(tip: GroupTip, operator: string): string {
  const profile = tip.newGroupProfile ?? {};
  const name = profile.groupName ?? profile.name;
  if (profile.ownerID !== undefined) return t('tip.newOwner', { names: knownName(profile.ownerID) });
  if (name !== undefined) return t('tip.renamed', { operator, name });
  if (profile.muteAllMembers !== undefined) return t(profile.muteAllMembers ? 'tip.mutedAll' : 'tip.unmutedAll', { operator });
  return t('tip.profile', { operator });
}

/** One line for something that happened in a group. */
export function tipText(payload: unknown): string {
  const tip = tipOf(payload);
  const names = tipNames(tip);
  const operator = tip.operatorInfo === undefined ? tip.operatorID : userName(tip.operatorInfo);
  switch (tip.operationType) {
    case TYPES.GRP_TIP_MBR_JOIN:
      return t('tip.joined', { names });
    case TYPES.GRP_TIP_MBR_QUIT:
      return t('tip.left', { names });
    case TYPES.GRP_TIP_MBR_KICKED_OUT:
      return t('tip.removed', { names, operator });
    case TYPES.GRP_TIP_MBR_SET_ADMIN:
      return t('tip.admin', { names });
    case TYPES.GRP_TIP_MBR_CANCELED_ADMIN:
      return t('tip.notAdmin', { names });
    case TYPES.GRP_TIP_GRP_PROFILE_UPDATED:
      return profileChange(tip, operator);
    default:
      return t('tip.other');
  }
}

export const JOIN_APPLICATION = 1;

const noticeKeys = {
  1: 'notice.apply',
  2: 'notice.approved',
  3: 'notice.rejected',
  4: 'notice.removed',
  5: 'notice.dismissed',
  6: 'notice.created',
  7: 'notice.invited',
  8: 'notice.quit',
  9: 'notice.admin',
  10: 'notice.notAdmin',
  11: 'notice.recycled',
} as const;

/** One sentence for a system notice. */
export function noticeText(payload: unknown): string {
  const notice: GroupNotice = noticeOf(payload);
  if (notice.userDefinedField) return notice.userDefinedField;
  const key = noticeKeys[notice.operationType as keyof typeof noticeKeys] ?? 'notice.other';
  const group = notice.groupProfile?.name || notice.groupProfile?.groupID || '';
  return t(key, { operator: knownName(notice.operatorID), group });
}

/** A message of any type as one line. */
export function messageText(type: string | number, payload: unknown, fallback: string): string {
  switch (type) {
    case TYPES.MSG_TEXT:
      return textOf(payload) || fallback;
    case TYPES.MSG_GRP_TIP:
      return tipText(payload);
    case TYPES.MSG_GRP_SYS_NOTICE:
      return noticeText(payload);
    case TYPES.MSG_IMAGE:
      return t('kind.image');
    case TYPES.MSG_AUDIO:
      return t('kind.audio');
    case TYPES.MSG_VIDEO:
      return t('kind.video');
    case TYPES.MSG_FILE:
      return t('kind.file');
    case TYPES.MSG_LOCATION:
      return t('kind.location');
    case TYPES.MSG_MERGER:
      return t('kind.merger');
    default:
      return fallback || t('kind.custom');
  }
}

/** What is left of a message that is gone for everyone. */
export function tombstoneText(message: Pick<Message, 'flow'>): string {
  return message.flow === 'out' ? t('message.deletedByMe') : t('message.deleted');
}

/** The second line of a row in the list. */
export function previewOf(conversation: Conversation, me: string): string {
  const last = conversation.lastMessage;
  if (!last || !last.lastTime || !last.type) return '';
  const sender = last.nameCard || last.nick || last.fromAccount;
  if (last.isRevoked) return tombstoneText({ flow: last.fromAccount === me ? 'out' : 'in' });
  const text = messageText(last.type, last.payload, last.messageForShow ?? '');
  const isTalk = last.type !== TYPES.MSG_GRP_TIP && last.type !== TYPES.MSG_GRP_SYS_NOTICE;
  if (isGroupID(conversation.conversationID) && isTalk) {
    return last.fromAccount === me ? t('message.preview', { name: t('message.you'), text }) : t('message.preview', { name: sender, text });
  }
  return text;
}
