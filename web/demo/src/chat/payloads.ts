/** The parts of message payloads that the screen shows. The SDK hands payloads over untyped. */

interface TipUser {
  userID: string;
  nick?: string;
}

export interface GroupTip {
  operationType: number;
  operatorID: string;
  operatorInfo?: TipUser;
  userIDList?: string[];
  memberList?: (TipUser & { muteTime?: number })[];
  newGroupProfile?: { groupName?: string; name?: string; ownerID?: string; notification?: string; muteAllMembers?: boolean };
}

export interface GroupNotice {
  operationType: number;
  operatorID: string;
  groupProfile?: { groupID: string; name?: string };
  handleMessage?: string;
  userDefinedField?: string;
}

export const textOf = (payload: unknown): string => (payload as { text?: string } | null)?.text ?? '';
export const tipOf = (payload: unknown): GroupTip => payload as GroupTip;
export const noticeOf = (payload: unknown): GroupNotice => payload as GroupNotice;
