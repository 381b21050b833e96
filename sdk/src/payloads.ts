import type { TYPES } from './constants.js';
import type { Group, UserInfo } from './models.js';

/** What a message carries, by its type. */

export interface TextPayload {
  text: string;
}

export interface ImageInfo {
  width: number;
  height: number;
  url: string;
  /** The same address under its older name. */
  imageUrl: string;
  /** Bytes. */
  size: number;
  /** 0 original, 1 at most 198 px, 2 at most 720 px. */
  type: number;
}

export interface ImagePayload {
  uuid: string;
  /** 1 JPG, 2 GIF, 3 PNG, 4 BMP, 255 other. */
  imageFormat: number;
  imageInfoArray: ImageInfo[];
}

export interface AudioPayload {
  uuid: string;
  url: string;
  /** Bytes. */
  size: number;
  second: number;
}

export interface VideoPayload {
  videoFormat: string;
  videoSecond: number;
  videoSize: number;
  videoUrl: string;
  videoUUID: string;
  snapshotWidth: number;
  snapshotHeight: number;
  snapshotUrl: string;
}

export interface FilePayload {
  uuid: string;
  fileName: string;
  fileUrl: string;
  fileSize: number;
}

export interface CustomPayload {
  data: string;
  description: string;
  extension: string;
}

export interface FacePayload {
  index: number;
  data: string;
}

export interface LocationPayload {
  description: string;
  latitude: number;
  longitude: number;
}

export interface MergerPayload {
  title: string;
  abstractList: string[];
  compatibleText: string;
  messageList: SimplifiedMessage[];
  /** Always empty: the messages are in `messageList`. */
  downloadKey: string;
  layersOverLimit: boolean;
}

export interface GroupTipMember extends UserInfo {
  muteTime: number;
  duration: number;
  reason: string;
}

export interface GroupTipPayload {
  operationType: number;
  operatorID: string;
  operatorInfo: UserInfo;
  userIDList: string[];
  groupJoinType: number;
  memberList: GroupTipMember[];
  /** The changed parts only. */
  newGroupProfile: Partial<Group> & { groupName?: string; memberNum?: number; maxMemberNum?: number };
  groupProfile: Partial<Group> & { groupID: string };
  memberCount: number;
}

export interface GroupNoticePayload {
  operationType: number;
  operatorID: string;
  groupProfile: Partial<Group> & { groupID: string };
  userDefinedField: string;
  handleMessage: string;
  messageRemindType: string;
}

/** A message's content as its element is mapped. */
export type AnyPayload =
  | TextPayload
  | ImagePayload
  | AudioPayload
  | VideoPayload
  | FilePayload
  | CustomPayload
  | FacePayload
  | LocationPayload
  | MergerPayload
  | GroupTipPayload
  | GroupNoticePayload;

/**
 * A message's content. Which fields there are is told by `message.type`; the type has all of them, because apps written
 * for this API read `message.payload.text` without narrowing.
 */
export type MessagePayload = TextPayload &
  ImagePayload &
  AudioPayload &
  VideoPayload &
  FilePayload &
  CustomPayload &
  FacePayload &
  LocationPayload &
  MergerPayload &
  GroupTipPayload &
  GroupNoticePayload;

/** A message inside a merger. */
export interface SimplifiedMessage extends Omit<UserInfo, 'userID'> {
  ID: string;
  from: string;
  messageBody: { type: TYPES; payload: MessagePayload }[];
  time: number;
  cloudCustomData: string;
}
