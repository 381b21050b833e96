import { ref } from 'vue';
import { ApiError, api } from './api';

/** `unknown` until the first answer tells whether the cookie is still good. */
export const session = ref<'unknown' | 'in' | 'out'>('unknown');

/** True when the session ended by itself, so that the log-in page can say why it is there. */
export const expired = ref(false);

export async function openSession(): Promise<void> {
  try {
    await api.app();
    session.value = 'in';
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
    session.value = 'out';
  }
}

export async function logIn(password: string): Promise<void> {
  await api.logIn(password);
  expired.value = false;
  session.value = 'in';
}

export async function logOut(): Promise<void> {
  await api.logOut();
  expired.value = false;
  session.value = 'out';
}

/** Passes on a call's answer; a 401 ends the session first. Every call of the logged-in pages goes through here. */
export async function authorized<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401 && session.value === 'in') {
      expired.value = true;
      session.value = 'out';
    }
    throw error;
  }
}
