import { chat } from './client';
import { type Group, type GroupMember, type Message, TYPES } from './sdk';

export type GroupType = 'work' | 'public' | 'meeting';
export type JoinOption = 'free' | 'approval' | 'closed';

const typeOf = { work: TYPES.GRP_WORK, public: TYPES.GRP_PUBLIC, meeting: TYPES.GRP_MEETING } as const;
const joinOptionOf = {
  free: TYPES.JOIN_OPTIONS_FREE_ACCESS,
  approval: TYPES.JOIN_OPTIONS_NEED_PERMISSION,
  closed: TYPES.JOIN_OPTIONS_DISABLE_APPLY,
} as const;

export const MEMBERS_PER_PAGE = 30;

export interface NewGroup {
  name: string;
  type: GroupType;
  joinOption: JoinOption;
  members: string[];
}

/** Only a public group lets its creator choose how others join. */
export const canChooseJoinOption = (type: GroupType) => type === 'public';

export async function createGroup(wanted: NewGroup): Promise<string> {
  const { data } = await chat().createGroup({
    name: wanted.name,
    type: typeOf[wanted.type],
    memberList: wanted.members.map((userID) => ({ userID })),
    ...(canChooseJoinOption(wanted.type) ? { joinOption: joinOptionOf[wanted.joinOption] } : {}),
  });
  return data.group.groupID;
}

/** True when the caller is a member now, false when an administrator has to agree first. */
export async function joinGroup(groupID: string, applyMessage: string): Promise<boolean> {
  const { data } = await chat().joinGroup({ groupID, applyMessage });
  return data.status !== TYPES.JOIN_STATUS_WAIT_APPROVAL;
}

export async function loadGroup(groupID: string): Promise<Group> {
  const { data } = await chat().getGroupProfile({ groupID });
  return data.group;
}

export async function loadMembers(groupID: string, offset: number): Promise<{ members: GroupMember[]; next: number }> {
  const { data } = await chat().getGroupMemberList({ groupID, count: MEMBERS_PER_PAGE, offset });
  return { members: data.memberList, next: Number(data.offset) };
}

export async function addMember(groupID: string, userID: string): Promise<'added' | 'existed' | 'failed'> {
  const { data } = await chat().addGroupMember({ groupID, userIDList: [userID] });
  if (data.successUserIDList.length > 0) return 'added';
  return data.existedUserIDList.length > 0 ? 'existed' : 'failed';
}

export async function removeMember(groupID: string, userID: string): Promise<void> {
  await chat().deleteGroupMember({ groupID, userIDList: [userID] });
}

export async function transferGroup(groupID: string, newOwnerID: string): Promise<void> {
  await chat().changeGroupOwner({ groupID, newOwnerID });
}

export async function quitGroup(groupID: string): Promise<void> {
  await chat().quitGroup(groupID);
}

export async function dismissGroup(groupID: string): Promise<void> {
  await chat().dismissGroup(groupID);
}

export async function answerApplication(notice: Message, agree: boolean): Promise<void> {
  await chat().handleGroupApplication({ handleAction: agree ? 'Agree' : 'Reject', handleMessage: '', message: notice });
}

/** What the user may do in a group, by its type and the user's role. */
export interface GroupRights {
  add: boolean;
  remove: boolean;
  transfer: boolean;
  dismiss: boolean;
  quit: boolean;
}

export function rightsIn(group: Group, userID: string): GroupRights {
  const isWork = group.type === TYPES.GRP_WORK;
  const isOwner = group.ownerID === userID;
  const isAdmin = group.selfInfo?.role === TYPES.GRP_MBR_ROLE_ADMIN;
  return {
    add: isWork || group.type === TYPES.GRP_COMMUNITY,
    remove: isOwner || isAdmin,
    transfer: isOwner,
    dismiss: isOwner && !isWork,
    quit: isWork || !isOwner,
  };
}
