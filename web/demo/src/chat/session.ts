import { ref, shallowRef } from 'vue';
import { setChat } from './client';
import { followConversations, forgetConversations } from './conversations';
import { demoApp, demoUserSig, SignInIsOff } from './demoApi';
import { describeError } from './errors';
import { followFriends, forgetFriends } from './friends';
import { netState } from './netState';
import { type ChatSDK, create, EVENT, type Profile, TYPES } from './sdk';
import { followTimeline, forgetTimeline } from './timeline';
import { forgetUndo } from '../undo';

export type Stage =
  | { name: 'start'; problem: string }
  | { name: 'signingIn' }
  | { name: 'ready' }
  | { name: 'kicked'; reason: string }
  | { name: 'off' };

export const stage = shallowRef<Stage>({ name: 'start', problem: '' });
export const me = ref('');
export const myProfile = shallowRef<Profile | null>(null);

export const suggestedUsers = ['Alice', 'Bob', 'Carol', 'Dave', 'Erin', 'Frank'] as const;
export const nickFor = (userID: string) => suggestedUsers.find((name) => name.toLowerCase() === userID) ?? '';

/** One tab is one user: two windows can be two people. */
const storageKey = 'lethe.user';

let instance: ChatSDK | null = null;

/** The end of the sign-in before; the next one waits for it, since the SDK has one instance for each app. */
let closing: Promise<unknown> = Promise.resolve();

async function close(): Promise<void> {
  const ended = instance;
  instance = null;
  setChat(null);
  forgetConversations();
  forgetTimeline();
  forgetFriends();
  forgetUndo();
  // The connection may be gone already: an instance that cannot say goodbye is let go all the same.
  if (ended !== null) closing = ended.destroy().catch(() => undefined);
  await closing;
}

function end(chat: ChatSDK, reason: string): void {
  if (instance !== chat) return;
  stage.value = { name: 'kicked', reason };
  void close();
}

function follow(chat: ChatSDK): Promise<void> {
  chat.on(EVENT.KICKED_OUT, (event: { data: { type: string } }) => end(chat, event.data.type));
  // An error that leaves the SDK not ready has ended the sign-in as well.
  chat.on(EVENT.ERROR, (event: { data: { code: number; message: string } }) => {
    if (!chat.isReady() && stage.value.name === 'ready') end(chat, describeError(event.data));
  });
  chat.on(EVENT.NET_STATE_CHANGE, (event: { data: { state: string } }) => {
    netState.value = event.data.state;
  });
  chat.on(EVENT.PROFILE_UPDATED, (event: { data: Profile[] }) => {
    const mine = event.data.find((profile) => profile.userID === me.value);
    if (mine !== undefined) myProfile.value = { ...mine };
  });
  followConversations(chat);
  followTimeline(chat);
  followFriends(chat);
  return new Promise((resolve) => {
    chat.on(EVENT.SDK_READY, () => resolve());
  });
}

async function loadMyProfile(chat: ChatSDK, suggestedNick: string): Promise<void> {
  const { data } = await chat.getMyProfile();
  myProfile.value = data;
  if (suggestedNick === '' || data.nick !== '') return;
  const updated = await chat.updateMyProfile({ nick: suggestedNick });
  myProfile.value = { ...data, ...updated.data };
}

/** Signs in as anyone, with a signature from the demo's own endpoint. */
export async function signIn(userID: string): Promise<void> {
  stage.value = { name: 'signingIn' };
  me.value = userID;
  try {
    await close();
    const SDKAppID = await demoApp();
    const userSig = await demoUserSig(userID);
    const chat = create({ SDKAppID });
    chat.setLogLevel(2);
    instance = chat;
    const ready = follow(chat);
    await chat.login({ userID, userSig });
    await ready;
    setChat(chat);
    await loadMyProfile(chat, nickFor(userID));
    sessionStorage.setItem(storageKey, userID);
    netState.value = TYPES.NET_STATE_CONNECTED;
    stage.value = { name: 'ready' };
  } catch (error) {
    await close();
    stage.value = error instanceof SignInIsOff ? { name: 'off' } : { name: 'start', problem: describeError(error) };
  }
}

/** When the page opens: whoever the address names, or who was signed in here before. */
export async function resume(): Promise<void> {
  const userID = new URLSearchParams(location.search).get('user') ?? sessionStorage.getItem(storageKey);
  if (userID !== null && userID !== '') await signIn(userID);
}

export async function signOut(): Promise<void> {
  sessionStorage.removeItem(storageKey);
  await close();
  me.value = '';
  stage.value = { name: 'start', problem: '' };
}
