import { describe } from './check.js';
import { LETHE_VERSION } from './constants.js';
import { Conversations } from './conversations.js';
import { Creators } from './creators.js';
import { Deletions } from './deletions.js';
import { ChatError, LOCAL_CODE } from './errors.js';
import { Friends } from './friends.js';
import { Groups } from './groups.js';
import { Instance } from './instance.js';
import { Messages } from './messages.js';
import type { CreateOptions } from './options.js';
import { Session } from './session.js';
import { unavailable, type Unavailable } from './unavailable.js';
import { Users } from './users.js';

/** The public methods of a noun. */
type PublicOf<T> = { [Name in keyof T]: T[Name] };

/** An instance of the SDK: one app, at most one login at a time. */
export interface ChatSDK
  extends PublicOf<Instance>,
    PublicOf<Creators>,
    PublicOf<Messages>,
    PublicOf<Conversations>,
    PublicOf<Deletions>,
    PublicOf<Users>,
    PublicOf<Friends>,
    PublicOf<Groups>,
    Unavailable {}

const instances = new Map<number, ChatSDK>();

/** Makes the instance of an app. The same SDKAppID again gives the same instance, until it is destroyed. */
export function create(options: CreateOptions): ChatSDK {
  const SDKAppID: unknown = options?.SDKAppID;
  if (typeof SDKAppID !== 'number' || !Number.isInteger(SDKAppID) || SDKAppID <= 0) {
    throw new ChatError(LOCAL_CODE.BAD_CREATE_OPTIONS, 'create needs an SDKAppID: the number your server was started with');
  }
  const address = options.proxyServer === undefined ? undefined : socketAddress(options.proxyServer);
  const present = instances.get(SDKAppID);
  if (present) return present;

  const session = new Session(SDKAppID, () => address ?? pageAddress());
  const chat = assemble(session, () => instances.delete(SDKAppID));
  instances.set(SDKAppID, chat);
  session.log.debug(`@lethe/chat ${LETHE_VERSION} for app ${SDKAppID}`);
  return chat;
}

/** All nouns' methods on one object, bound, so that they also work when an app takes them off it. */
export function assemble(session: Session, destroyed: () => void): ChatSDK {
  const nouns = [
    new Instance(session, destroyed),
    new Creators(session),
    new Messages(session),
    new Conversations(session),
    new Deletions(session),
    new Users(session),
    new Friends(session),
    new Groups(session),
  ];
  const chat: Record<string, unknown> = { ...unavailable() };
  for (const noun of nouns) {
    const methods = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(noun) as object);
    for (const [name, { value }] of Object.entries(methods)) {
      if (name !== 'constructor' && typeof value === 'function') chat[name] = value.bind(noun);
    }
  }
  return chat as unknown as ChatSDK;
}

const SOCKET_SCHEMES: Partial<Record<string, string>> = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' };

/** `http://host/lethe/` → `ws://host/lethe/ws`. */
export function socketAddress(proxyServer: unknown): string {
  const url = parse(proxyServer);
  const scheme = url && SOCKET_SCHEMES[url.protocol];
  if (!url || !scheme || !url.host) {
    throw new ChatError(
      LOCAL_CODE.BAD_CREATE_OPTIONS,
      `proxyServer is an address with ws://, wss://, http:// or https://, not ${describe(proxyServer)}`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  return `${scheme}//${url.host}${path.endsWith('/ws') ? path : `${path}/ws`}`;
}

function parse(address: unknown): URL | null {
  try {
    return typeof address === 'string' ? new URL(address) : null;
  } catch {
    return null;
  }
}

function pageAddress(): string {
  const origin = globalThis.location?.origin;
  if (!origin || origin === 'null') {
    throw new ChatError(LOCAL_CODE.BAD_CREATE_OPTIONS, 'there is no page to take the server from: give create a proxyServer');
  }
  return socketAddress(origin);
}
