import type { ChatSDK } from './sdk';

let current: ChatSDK | null = null;

export function setChat(chat: ChatSDK | null): void {
  current = chat;
}

/** The signed-in SDK. Only what is on screen after sign-in may call this. */
export function chat(): ChatSDK {
  if (current === null) throw new Error('not signed in');
  return current;
}
