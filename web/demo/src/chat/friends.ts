import { computed, shallowRef } from 'vue';
import { chat } from './client';
import { type ChatSDK, EVENT, type Friend, type FriendApplication, TYPES } from './sdk';

export const friends = shallowRef<readonly Friend[]>([]);
export const applications = shallowRef<readonly FriendApplication[]>([]);
export const received = computed(() => applications.value.filter((item) => item.type === TYPES.SNS_APPLICATION_SENT_TO_ME));
export const sent = computed(() => applications.value.filter((item) => item.type === TYPES.SNS_APPLICATION_SENT_BY_ME));

/** What `addFriend` answers when the other side has to agree first. */
const WAITING_FOR_CONSENT = 30539;

export async function loadFriends(): Promise<void> {
  const [list, pending] = await Promise.all([chat().getFriendList(), chat().getFriendApplicationList()]);
  friends.value = [...list.data];
  applications.value = [...pending.data.friendApplicationList];
}

export function followFriends(sdk: ChatSDK): void {
  sdk.on(EVENT.FRIEND_LIST_UPDATED, (event: { data: Friend[] }) => {
    friends.value = [...event.data];
  });
  sdk.on(EVENT.FRIEND_APPLICATION_LIST_UPDATED, (event: { data: { friendApplicationList: FriendApplication[] } }) => {
    applications.value = [...event.data.friendApplicationList];
  });
}

export function forgetFriends(): void {
  friends.value = [];
  applications.value = [];
}

export const isFriend = (userID: string) => friends.value.some((friend) => friend.userID === userID);

/** True when they are friends now, false when the other side has been asked. */
export async function addFriend(userID: string, wording: string): Promise<boolean> {
  const { data } = await chat().addFriend({ to: userID, source: 'AddSource_Type_Web', wording, type: TYPES.SNS_ADD_TYPE_BOTH });
  return data.code !== WAITING_FOR_CONSENT;
}

export async function deleteFriend(userID: string): Promise<void> {
  await chat().deleteFriend({ userIDList: [userID], type: TYPES.SNS_DELETE_TYPE_BOTH });
}

export async function acceptApplication(userID: string): Promise<void> {
  await chat().acceptFriendApplication({ userID, type: TYPES.SNS_APPLICATION_AGREE_AND_ADD });
}

export async function refuseApplication(userID: string): Promise<void> {
  await chat().refuseFriendApplication({ userID });
}
