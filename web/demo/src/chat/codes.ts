/** The SDK's code for what was cancelled before it had left. */
export const CANCELLED = 98100;

/** The code of an SDK or server error, or null for anything else. */
export function codeOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return Number(error.code);
}
