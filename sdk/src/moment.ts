/**
 * Counts the events that were applied. What an answer says may be older than what events brought while it was on its way:
 * comparing the moment of asking with that of the event tells.
 */
export interface Moment {
  now: number;
}

/** Before all events: for an answer of which nobody remembers when it was asked for. */
export const NEVER = 0;
/** When a login begins. */
export const START = 1;
