import * as check from './check.js';
import { TYPES } from './constants.js';
import { ChatError } from './errors.js';
import type { FailedUser, Friend, FriendApplication, Result } from './models.js';
import type { AddFriendOptions, Constant } from './options.js';
import { toApplication, toFriend } from './profile.js';
import { CODE, type Friend as WireFriend } from './protocol.js';
import type { Session } from './session.js';

const BAD = CODE.RELATION_PARAMETER;
const PER_CALL = 100;
const CHECKS_PER_CALL = 1000;
const ADD_TYPES = ['Add_Type_Single', 'Add_Type_Both'] as const;
const DELETE_TYPES = ['Delete_Type_Single', 'Delete_Type_Both'] as const;
const CHECK_TYPES = ['CheckResult_Type_Single', 'CheckResult_Type_Both'] as const;
const ANSWERS = ['Response_Action_Agree', 'Response_Action_AgreeAndAdd'] as const;
const DIRECTIONS = ['Pendency_Type_ComeIn', 'Pendency_Type_SendOut'] as const;

/** Friends and applications to become one. Conversations are not touched by any of it. */
export class Friends {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async getFriendList(): Promise<Result<Friend[]>> {
    return { code: 0, data: (await this.#friends()).map(toFriend) };
  }

  /** Resolves with the code 0 when they are friends now, and with 30539 when the other side has to agree. */
  async addFriend(options: AddFriendOptions): Promise<Result<{ code: number; userID: string; message: string }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const userID = check.text(given.to, 'to', BAD);
    const { pending } = await this.#session.request('friends.add', {
      userId: userID,
      source: check.text(given.source, 'source', BAD),
      wording: check.optionalText(given.wording, 'wording', BAD),
      remark: check.optionalText(given.remark, 'remark', BAD),
      single: check.oneOf(given.type ?? 'Add_Type_Both', ADD_TYPES, 'type', BAD) === 'Add_Type_Single',
    });
    return {
      code: 0,
      data: { userID, code: pending ? CODE.FRIEND_PENDING : 0, message: pending ? 'waiting for the other side' : 'OK' },
    };
  }

  /** @param options 1 to 100 users; `type` default `TYPES.SNS_DELETE_TYPE_BOTH`. */
  async deleteFriend(
    options: { userIDList: string[]; type?: Constant },
  ): Promise<Result<{ successUserIDList: { userID: string }[]; failureUserIDList: FailedUser[] }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const { deleted, failed } = await this.#session.request('friends.delete', {
      userIds: check.users(given.userIDList, PER_CALL, BAD),
      single: check.oneOf(given.type ?? 'Delete_Type_Both', DELETE_TYPES, 'type', BAD) === 'Delete_Type_Single',
    });
    return {
      code: 0,
      data: {
        successUserIDList: deleted.map((userID) => ({ userID })),
        failureUserIDList: failed.map(({ userId, code, message }) => ({ userID: userId, code, message })),
      },
    };
  }

  /** @param options 1 to 1000 users; `type` default `TYPES.SNS_CHECK_TYPE_BOTH`: in both directions. */
  async checkFriend(
    options: { userIDList: string[]; type?: Constant },
  ): Promise<Result<{ successUserIDList: { userID: string; code: number; relation: TYPES }[]; failureUserIDList: FailedUser[] }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const userIds = check.users(given.userIDList, CHECKS_PER_CALL, BAD);
    const isBoth = check.oneOf(given.type ?? 'CheckResult_Type_Both', CHECK_TYPES, 'type', BAD) === 'CheckResult_Type_Both';
    const { relations } = await this.#session.request('friends.check', { userIds });
    const successUserIDList = relations.map(({ userId, mine, theirs }) => ({
      userID: userId, code: 0, relation: relation(mine, isBoth && theirs),
    }));
    return { code: 0, data: { successUserIDList, failureUserIDList: [] } };
  }

  async getFriendProfile(
    options: { userIDList: string[] },
  ): Promise<Result<{ friendList: Friend[]; failureUserIDList: FailedUser[] }>> {
    this.#session.requireLogin();
    const userIDs = check.users(check.fields(options, BAD).userIDList, PER_CALL, BAD);
    const friends = new Map((await this.#friends()).map((friend) => [friend.userId, friend]));
    const friendList = userIDs.flatMap((userID) => friends.get(userID) ?? []).map(toFriend);
    const failureUserIDList = userIDs
      .filter((userID) => !friends.has(userID))
      .map((userID) => ({ userID, code: CODE.NOT_A_FRIEND, message: 'not a friend' }));
    return { code: 0, data: { friendList, failureUserIDList } };
  }

  /** Changes the remark for a friend. */
  async updateFriend(options: { userID: string; remark?: string }): Promise<Result<Friend | null>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const userId = check.text(given.userID, 'userID', BAD);
    const remark = check.text(given.remark, 'remark', BAD, 0);
    await this.#session.request('friends.update', { userId, remark });
    const friend = (await this.#friends()).find((each) => each.userId === userId);
    return { code: 0, data: friend ? toFriend(friend) : null };
  }

  async getFriendApplicationList(): Promise<Result<{ friendApplicationList: FriendApplication[]; unreadCount: number }>> {
    const { replica } = this.#session;
    const { applications, unread } =
      replica.contacts.applications ??
      (await this.#session.request('friends.applications', null, { apply: (answer) => (replica.contacts.applications = answer) }));
    return { code: 0, data: { friendApplicationList: applications.map(toApplication), unreadCount: unread } };
  }

  /** @param options `type`: default `TYPES.SNS_APPLICATION_AGREE_AND_ADD`. */
  async acceptFriendApplication(options: { userID: string; remark?: string; type?: Constant }): Promise<Result<{ userID: string }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const type = check.oneOf(given.type ?? 'Response_Action_AgreeAndAdd', ANSWERS, 'type', BAD);
    const add = type === 'Response_Action_AgreeAndAdd';
    return this.#answer(given.userID, { agree: true, add, remark: check.optionalText(given.remark, 'remark', BAD) });
  }

  async refuseFriendApplication(options: { userID: string }): Promise<Result<{ userID: string }>> {
    this.#session.requireLogin();
    return this.#answer(check.fields(options, BAD).userID, { agree: false, add: false, remark: '' });
  }

  async deleteFriendApplication(options: { userID: string; type: Constant }): Promise<Result<{ userID: string }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const userId = check.text(given.userID, 'userID', BAD);
    const sent = check.oneOf(given.type, DIRECTIONS, 'type', BAD) === 'Pendency_Type_SendOut';
    await this.#session.request('friends.deleteApplication', { userId, sent });
    return { code: 0, data: { userID: userId } };
  }

  async setFriendApplicationRead(): Promise<Result<Record<string, never>>> {
    await this.#session.request('friends.readApplications', null);
    return { code: 0, data: {} };
  }

  async #answer(userID: unknown, answer: { agree: boolean; add: boolean; remark: string }): Promise<Result<{ userID: string }>> {
    const userId = check.text(userID, 'userID', BAD);
    await this.#session.request('friends.answer', { userId, ...answer });
    return { code: 0, data: { userID: userId } };
  }

  /** Asked for once; from then on events keep them up to date. */
  async #friends(): Promise<WireFriend[]> {
    const { replica } = this.#session;
    if (!replica.contacts.friends) {
      await this.#session.request('friends.list', null, {
        apply: (answer) => replica.contacts.setFriends(answer, false),
      });
    }
    if (!replica.contacts.friends) throw new ChatError(CODE.INTERNAL, 'the friends could not be read');
    return replica.contacts.friends;
  }
}

function relation(mine: boolean, theirs: boolean): TYPES {
  if (mine && theirs) return TYPES.SNS_TYPE_BOTH_WAY;
  if (mine) return TYPES.SNS_TYPE_A_WITH_B;
  return theirs ? TYPES.SNS_TYPE_B_WITH_A : TYPES.SNS_TYPE_NO_RELATION;
}
