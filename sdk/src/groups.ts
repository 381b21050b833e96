import * as check from './check.js';
import { TYPES } from './constants.js';
import { ChatError } from './errors.js';
import { toMember } from './group.js';
import type { FailedUser, Group, GroupApplication, GroupMember, Message, Result } from './models.js';
import type {
  Constant, CreateGroupOptions, GetGroupMemberListOptions, HandleGroupApplicationOptions, UpdateGroupProfileOptions,
} from './options.js';
import { CODE, type GroupPatch, type OneGroup, type Role } from './protocol.js';
import type { Session } from './session.js';

const BAD = CODE.GROUP_PARAMETER;
const GROUP_TYPES = ['Private', 'Public', 'ChatRoom'] as const;
const JOIN_OPTIONS = ['FreeAccess', 'NeedPermission', 'DisableApply'] as const;
const INVITE_OPTIONS = ['FreeAccess', 'NeedPermission', 'DisableInvite'] as const;
const ROLES = ['Owner', 'Admin', 'Member'] as const;
/** The server's limits. */
const MEMBERS_PER_CALL = 300;
const MEMBERS_AT_CREATION = 500;
const MEMBER_PAGE = 15;
const MEMBER_PAGE_MAX = 100;
const MEMBER_PROFILES = 50;

/** Groups and their members. */
export class Groups {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async getGroupList(): Promise<Result<{ groupList: Group[] }>> {
    const { replica } = this.#session;
    if (!this.#session.isSynced) {
      await this.#session.request('groups.list', null, { apply: ({ groups }) => replica.contacts.setGroups(groups) });
    }
    return { code: 0, data: { groupList: replica.contacts.groupViews() } };
  }

  async getGroupProfile(options: { groupID: string; groupCustomFieldFilter?: string[] }): Promise<Result<{ group: Group }>> {
    this.#session.requireLogin();
    const groupId = groupID(check.fields(options, BAD).groupID);
    return this.#one((then) => this.#session.request('groups.get', { groupId }, then));
  }

  /** Finds a group that others can find: all but private ones. */
  async searchGroupByID(id: string): Promise<Result<{ group: Group }>> {
    this.#session.requireLogin();
    const groupId = groupID(id);
    return this.#one((then) => this.#session.request('groups.get', { groupId }, then));
  }

  /** A lost connection during a creation with an ID of the server's making rejects: repeated, it would be a second group. */
  async createGroup(options: CreateGroupOptions): Promise<Result<{ group: Group; overLimitUserIDList: string[] }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const members = given.memberList ?? [];
    if (!Array.isArray(members) || members.length > MEMBERS_AT_CREATION) {
      throw new ChatError(BAD, `memberList is an array of at most ${MEMBERS_AT_CREATION} members`);
    }
    if (['AVChatRoom', 'Community', 'Room', 'Live'].includes(given.type as string)) {
      throw new ChatError(CODE.NOT_IMPLEMENTED, `groups of the type ${String(given.type)} are not available yet`);
    }
    const body = {
      type: check.oneOf(given.type ?? 'Private', GROUP_TYPES, 'type', BAD),
      name: check.text(given.name, 'name', BAD),
      profile: patch(given, ['introduction', 'notification', 'avatar']),
      members: members.map((member: unknown) => {
        const { userID, role } = check.fields(member, BAD);
        return { userId: check.text(userID, 'userID', BAD), admin: role === 'Admin' };
      }),
    };
    const chosen = given.groupID === undefined ? {} : { groupId: groupID(given.groupID) };
    const most = given.maxMemberNum === undefined ? {} : { maxMemberCount: check.integer(given.maxMemberNum, 'maxMemberNum', BAD) };
    const { group } = await this.#session.request('groups.create', { ...body, ...chosen, ...most }, {
      repeatable: given.groupID !== undefined,
      apply: (answer) => replica.contacts.group(answer.group),
    });
    return { code: 0, data: { group: replica.contacts.groupView(group), overLimitUserIDList: [] } };
  }

  async dismissGroup(id: string): Promise<Result<{ groupID: string }>> {
    this.#session.requireLogin();
    const groupId = groupID(id);
    await this.#session.request('groups.dismiss', { groupId });
    return { code: 0, data: { groupID: groupId } };
  }

  async quitGroup(id: string): Promise<Result<{ groupID: string }>> {
    this.#session.requireLogin();
    const groupId = groupID(id);
    await this.#session.request('groups.quit', { groupId });
    return { code: 0, data: { groupID: groupId } };
  }

  /** Changes the parts that are given. */
  async updateGroupProfile(options: UpdateGroupProfileOptions): Promise<Result<{ group: Group }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const profile = patch(given, ['name', 'introduction', 'notification', 'avatar']);
    const body = { groupId: groupID(given.groupID), profile };
    return this.#one((then) => this.#session.request('groups.update', body, then));
  }

  async joinGroup(
    options: { groupID: string; applyMessage?: string; type?: Constant },
  ): Promise<Result<{ status: TYPES; group?: Group }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const { status, group } = await this.#session.request('groups.join', {
      groupId: groupID(given.groupID),
      message: check.optionalText(given.applyMessage, 'applyMessage', BAD),
    }, {
      apply: (answer) => answer.group && replica.contacts.group(answer.group),
    });
    const answer = { status: status as TYPES };
    return { code: 0, data: group ? { ...answer, group: replica.contacts.groupView(group) } : answer };
  }

  async changeGroupOwner(options: { groupID: string; newOwnerID: string }): Promise<Result<{ group: Group }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const newOwnerId = check.text(given.newOwnerID, 'newOwnerID', BAD);
    const body = { groupId: groupID(given.groupID), newOwnerId };
    return this.#one((then) => this.#session.request('groups.transfer', body, then));
  }

  /** The applications to join that this user decides. */
  async getGroupApplicationList(): Promise<Result<{ applicationList: GroupApplication[] }>> {
    const { applications } = await this.#session.request('groups.applications', null);
    const applicationList = applications.map(({ groupId, groupName, applicant, applicantNick, note, time }) => ({
      applicant, applicantNick, groupID: groupId, groupName, applicationType: 0, userID: applicant, note, time,
    }));
    return { code: 0, data: { applicationList } };
  }

  async handleGroupApplication(options: HandleGroupApplicationOptions): Promise<Result<{ group: Group }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const application = check.fields(given.application ?? fromNotice(given.message), BAD);
    const body = {
      groupId: groupID(application.groupID),
      applicant: check.text(application.applicant, 'applicant', BAD),
      agree: check.oneOf(given.handleAction, ['Agree', 'Reject'], 'handleAction', BAD) === 'Agree',
      message: check.optionalText(given.handleMessage, 'handleMessage', BAD),
    };
    return this.#one((then) => this.#session.request('groups.handle', body, then));
  }

  /** A page of members. The answer's `offset` is that of the next page; 0 after the last. */
  async getGroupMemberList(options: GetGroupMemberListOptions): Promise<Result<{ memberList: GroupMember[]; offset: number }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const count = check.integer(given.count ?? MEMBER_PAGE, 'count', BAD);
    const body = {
      groupId: groupID(given.groupID),
      offset: check.integer(Number(given.offset ?? 0), 'offset', BAD),
      limit: Math.min(Math.max(1, count), MEMBER_PAGE_MAX),
    };
    const role = given.role === undefined ? {} : { role: check.oneOf<Role>(given.role, ROLES, 'role', BAD) };
    const { members, next } = await this.#session.request('groups.members', { ...body, ...role });
    return { code: 0, data: { memberList: members.map(toMember), offset: next } };
  }

  /** @param options 1 to 50 users; those who are not members are left out of the answer. */
  async getGroupMemberProfile(
    options: { groupID: string; userIDList: string[]; memberCustomFieldFilter?: string[] },
  ): Promise<Result<{ memberList: GroupMember[] }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const userIds = check.users(given.userIDList, MEMBER_PROFILES, BAD);
    const { members } = await this.#session.request('groups.member', { groupId: groupID(given.groupID), userIds });
    return { code: 0, data: { memberList: members.map(toMember) } };
  }

  /** @param options 1 to 300 users. */
  async addGroupMember(options: { groupID: string; userIDList: string[] }): Promise<
    Result<{
      successUserIDList: string[];
      existedUserIDList: string[];
      failureUserIDList: string[];
      overLimitUserIDList: string[];
      group: Group;
    }>
  > {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const body = { groupId: groupID(given.groupID), userIds: check.users(given.userIDList, MEMBERS_PER_CALL, BAD) };
    const { added, existed, failed, group } = await this.#session.request('groups.add', body, {
      apply: (answer) => replica.contacts.group(answer.group),
    });
    return {
      code: 0,
      data: {
        successUserIDList: added, existedUserIDList: existed, failureUserIDList: failed, overLimitUserIDList: [],
        group: replica.contacts.groupView(group),
      },
    };
  }

  /** @param options 1 to 300 users, and why they are removed. */
  async deleteGroupMember(
    options: { groupID: string; userIDList: string[]; reason?: string; duration?: number },
  ): Promise<Result<{ group: Group; userIDList: string[]; failureUserIDList: FailedUser[] }>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const userIds = check.users(given.userIDList, MEMBERS_PER_CALL, BAD);
    const reason = given.reason === undefined ? {} : { reason: check.optionalText(given.reason, 'reason', BAD) };
    const { removed, group } = await this.#session.request('groups.remove', {
      groupId: groupID(given.groupID), userIds, ...reason,
    }, {
      apply: (answer) => replica.contacts.group(answer.group),
    });
    return { code: 0, data: { group: replica.contacts.groupView(group), userIDList: removed, failureUserIDList: [] } };
  }

  /** @param options `role`: `TYPES.GRP_MBR_ROLE_ADMIN` or `TYPES.GRP_MBR_ROLE_MEMBER`. */
  async setGroupMemberRole(
    options: { groupID: string; userID: string; role: Constant },
  ): Promise<Result<{ group: Group; member: GroupMember }>> {
    this.#session.requireLogin();
    const given = check.fields(options, BAD);
    const groupId = groupID(given.groupID);
    const userId = check.text(given.userID, 'userID', BAD);
    const admin = check.oneOf(given.role, ['Admin', 'Member'], 'role', BAD) === 'Admin';
    const { data } = await this.#one((then) => this.#session.request('groups.role', { groupId, userId, admin }, then));
    const { members } = await this.#session.request('groups.member', { groupId, userIds: [userId] });
    const [member] = members;
    if (!member) throw new ChatError(CODE.GROUP_PARAMETER, `${userId} is no member of ${groupId}`);
    return { code: 0, data: { group: data.group, member: toMember(member) } };
  }

  /** What all answers with one group have in common. */
  async #one(ask: (options: { apply: (answer: OneGroup) => void }) => Promise<OneGroup>): Promise<Result<{ group: Group }>> {
    const { replica } = this.#session;
    const { group } = await ask({ apply: (answer) => replica.contacts.group(answer.group) });
    return { code: 0, data: { group: replica.contacts.groupView(group) } };
  }
}

function groupID(value: unknown): string {
  return check.text(value, 'groupID', BAD);
}

/** The parts of a group's profile that are given, each of its type. */
function patch(given: Record<string, unknown>, texts: ('name' | 'introduction' | 'notification' | 'avatar')[]): GroupPatch {
  const profile: GroupPatch = {};
  for (const name of texts) if (given[name] !== undefined) profile[name] = check.text(given[name], name, BAD, 0);
  if (given.joinOption !== undefined) profile.joinOption = check.oneOf(given.joinOption, JOIN_OPTIONS, 'joinOption', BAD);
  if (given.inviteOption !== undefined) profile.inviteOption = check.oneOf(given.inviteOption, INVITE_OPTIONS, 'inviteOption', BAD);
  if (given.muteAllMembers !== undefined) profile.muteAllMembers = check.flag(given.muteAllMembers, 'muteAllMembers', BAD);
  return profile;
}

/** A system notice of the kind 1 is an application. */
function fromNotice(value: unknown): { groupID: string; applicant: string } {
  const { type, payload } = check.fields(value, BAD) as unknown as Message;
  if (type !== TYPES.MSG_GRP_SYS_NOTICE || payload.operationType !== 1) {
    throw new ChatError(BAD, 'message is not the notice of an application');
  }
  return { groupID: payload.groupProfile.groupID, applicant: payload.operatorID };
}
