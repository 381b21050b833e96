/** What `import TencentCloudChat from '@lethe/chat'` gives. */
export { create } from './chat.js';
export { EVENT, LETHE_VERSION, TSignaling, TYPES, VERSION } from './constants.js';
