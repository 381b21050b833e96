import { onScopeDispose, ref } from 'vue';
import { closeConversation, openConversation, openID } from './chat/timeline';

/** The dialogs and drawers; one is open at a time. */
export type Panel = 'newChat' | 'newGroup' | 'joinGroup' | 'friends' | 'profile' | 'details';
export const panel = ref<Panel | null>(null);

/** The open conversation is in the address, so that the phone's back button leads back to the list. */
function idInAddress(): string | null {
  const id = decodeURIComponent(location.hash.slice(1));
  return id === '' ? null : id;
}

function followAddress(): void {
  const id = idInAddress();
  if (id === openID.value) return;
  if (id === null) closeConversation();
  else void openConversation(id);
}

export function showConversation(id: string): void {
  location.hash = encodeURIComponent(id);
}

export function showList(): void {
  panel.value = null;
  history.replaceState(null, '', location.pathname + location.search);
  closeConversation();
}

/** Follows the address for as long as the calling component lives. */
export function useAddress(): void {
  addEventListener('hashchange', followAddress);
  onScopeDispose(() => removeEventListener('hashchange', followAddress));
  followAddress();
}

/** The list shows what was put away, instead of all else. */
export const isArchiveOpen = ref(false);

/** The conversations that the delete dialogue is about; null while it is closed. */
export const deletionTargets = ref<string[] | null>(null);

export function askToDelete(conversationIDs: string[]): void {
  deletionTargets.value = conversationIDs;
}
