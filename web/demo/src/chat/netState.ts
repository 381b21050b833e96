import { ref } from 'vue';
import { TYPES } from './sdk';

/** Whether the SDK has a connection, as it says itself. */
export const netState = ref<string>(TYPES.NET_STATE_CONNECTED);
