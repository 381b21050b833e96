import { ChatError } from './errors.js';
import type { Message, Result, Signaling } from './models.js';
import { CODE } from './protocol.js';

/** Methods of the API that this version does not have. They exist, so that apps compile and fail with a clear message. */
export const UNAVAILABLE = [
  'downloadMergerMessage', 'revokeMessage', 'deleteMessage', 'translateText', 'convertVoiceToText', 'setMessageExtensions',
  'getMessageExtensions', 'deleteMessageExtensions', 'modifyMessage', 'searchCloudMessages', 'searchCloudGroups',
  'searchCloudUsers', 'searchCloudGroupMembers', 'addMessageReaction', 'removeMessageReaction', 'getMessageReactions',
  'getAllUserListOfMessageReaction', 'sendMessageReadReceipt', 'getMessageReadReceiptList', 'getGroupMessageReadMemberList',
  'setAllReceiveMessageOpt', 'getAllReceiveMessageOpt', 'getConversationGroupList', 'createConversationGroup',
  'deleteConversationGroup', 'renameConversationGroup', 'addConversationsToGroup', 'deleteConversationsFromGroup',
  'getBlacklist', 'addToBlacklist', 'removeFromBlacklist', 'setSelfStatus', 'getUserStatus', 'subscribeUserStatus',
  'unsubscribeUserStatus', 'getFriendGroupList', 'createFriendGroup', 'deleteFriendGroup', 'addToFriendGroup',
  'removeFromFriendGroup', 'renameFriendGroup', 'followUser', 'unfollowUser', 'getMyFollowersList', 'getMyFollowingList',
  'getMutualFollowersList', 'getUserFollowInfo', 'checkFollowType', 'pinGroupMessage', 'getPinnedGroupMessageList',
  'getGroupOnlineMemberCount', 'initGroupAttributes', 'setGroupAttributes', 'deleteGroupAttributes', 'getGroupAttributes',
  'setGroupCounters', 'increaseGroupCounter', 'decreaseGroupCounter', 'getGroupCounters', 'setGroupMemberMuteTime',
  'setGroupMemberNameCard', 'setGroupMemberCustomField', 'markGroupMemberList', 'getJoinedCommunityList',
  'createTopicInCommunity', 'deleteTopicFromCommunity', 'updateTopicProfile', 'getTopicList', 'invite', 'inviteInGroup',
  'cancel', 'accept', 'reject', 'modifyInvitation', 'callExperimentalAPI',
] as const;

type Method = (...args: unknown[]) => Promise<Result<Record<string, never>>>;

export type Unavailable = Record<(typeof UNAVAILABLE)[number], Method> & {
  /** Not available yet: calls `onError`. */
  inviteSync(options: object, onSuccess: Callback, onError: Callback): void;
  /** Not available yet: calls `onError`. */
  inviteInGroupSync(options: object, onSuccess: Callback, onError: Callback): void;
  /** Always null: there are no invitations yet. */
  getSignalingInfo(message: Message): Signaling | null;
};

type Callback = (answer: never) => unknown;

const refusal = (name: string): ChatError =>
  new ChatError(CODE.NOT_IMPLEMENTED, `${name} is not available in this version of Lethe`);

export function unavailable(): Unavailable {
  const refuse = (name: string) => (_options: object, _onSuccess: Callback, onError: Callback): void => {
    if (typeof onError === 'function') Reflect.apply(onError, undefined, [refusal(name)]);
  };
  const methods = Object.fromEntries(UNAVAILABLE.map((name) => [name, () => Promise.reject(refusal(name))]));
  return {
    ...(methods as unknown as Record<(typeof UNAVAILABLE)[number], Method>),
    inviteSync: refuse('inviteSync'),
    inviteInGroupSync: refuse('inviteInGroupSync'),
    getSignalingInfo: () => null,
  };
}
