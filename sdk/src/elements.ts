import { TYPES } from './constants.js';
import type {
  AnyPayload, GroupNoticePayload, GroupTipPayload, MessagePayload, SimplifiedMessage, UserInfo,
} from './models.js';
import type { MessageElement } from './protocol.js';

/*
Elements travel in the REST form (`MsgType`, `MsgContent` with upper-case keys); apps know the SDK's payloads. This file is
the only one that knows both. Elements from elsewhere are foreign data: whatever is missing or of another type gets the
payload's default, so that an app's rendering never meets `undefined`.
*/

type Content = Record<string, unknown>;

const string = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const object = (value: unknown): Content => (typeof value === 'object' && value !== null ? (value as Content) : {});
const strings = (value: unknown): string[] => list(value).filter((item) => typeof item === 'string');

/** REST numbers sizes 1 original, 2 large, 3 thumbnail; the SDK 0 original, 1 thumbnail (198 px), 2 large (720 px). */
const SDK_SIZE: Record<number, number> = { 1: 0, 2: 2, 3: 1 };
const REST_SIZE: Record<number, number> = { 0: 1, 1: 3, 2: 2 };

interface Mapping {
  read: (content: Content) => AnyPayload;
  write: (payload: MessagePayload) => Content;
}

const MAPPINGS: Partial<Record<string, Mapping>> = {
  [TYPES.MSG_TEXT]: {
    read: (c) => ({ text: string(c.Text) }),
    write: (p) => ({ Text: p.text }),
  },
  [TYPES.MSG_CUSTOM]: {
    read: (c) => ({ data: string(c.Data), description: string(c.Desc), extension: string(c.Ext) }),
    write: (p) => ({ Data: p.data, Desc: p.description, Ext: p.extension }),
  },
  [TYPES.MSG_FACE]: {
    read: (c) => ({ index: number(c.Index), data: string(c.Data) }),
    write: (p) => ({ Index: p.index, Data: p.data }),
  },
  [TYPES.MSG_LOCATION]: {
    read: (c) => ({ description: string(c.Desc), latitude: number(c.Latitude), longitude: number(c.Longitude) }),
    write: (p) => ({ Desc: p.description, Latitude: p.latitude, Longitude: p.longitude }),
  },
  [TYPES.MSG_IMAGE]: {
    read: (c) => ({
      uuid: string(c.UUID),
      imageFormat: number(c.ImageFormat),
      imageInfoArray: list(c.ImageInfoArray)
        .map((item) => {
          const image = object(item);
          const url = string(image.URL);
          return {
            type: SDK_SIZE[number(image.Type)] ?? 0,
            size: number(image.Size),
            width: number(image.Width),
            height: number(image.Height),
            url,
            imageUrl: url,
          };
        })
        .sort((a, b) => a.type - b.type),
    }),
    write: (p) => ({
      UUID: p.uuid,
      ImageFormat: p.imageFormat,
      ImageInfoArray: p.imageInfoArray.map((image) => ({
        Type: REST_SIZE[image.type] ?? 1,
        Size: image.size,
        Width: image.width,
        Height: image.height,
        URL: image.url,
      })),
    }),
  },
  [TYPES.MSG_AUDIO]: {
    read: (c) => ({ uuid: string(c.UUID), url: string(c.Url), size: number(c.Size), second: number(c.Second) }),
    write: (p) => ({ UUID: p.uuid, Url: p.url, Size: p.size, Second: p.second, Download_Flag: 2 }),
  },
  [TYPES.MSG_FILE]: {
    read: (c) => ({
      uuid: string(c.UUID),
      fileName: string(c.FileName),
      fileUrl: string(c.Url),
      fileSize: number(c.FileSize),
    }),
    write: (p) => ({
      UUID: p.uuid, FileName: p.fileName, Url: p.fileUrl, FileSize: p.fileSize, Download_Flag: 2,
    }),
  },
  [TYPES.MSG_VIDEO]: {
    read: (c) => ({
      videoFormat: string(c.VideoFormat),
      videoSecond: number(c.VideoSecond),
      videoSize: number(c.VideoSize),
      videoUrl: string(c.VideoUrl),
      videoUUID: string(c.VideoUUID),
      snapshotWidth: number(c.ThumbWidth),
      snapshotHeight: number(c.ThumbHeight),
      snapshotUrl: string(c.ThumbUrl),
    }),
    write: (p) => ({
      VideoFormat: p.videoFormat,
      VideoSecond: p.videoSecond,
      VideoSize: p.videoSize,
      VideoUrl: p.videoUrl,
      VideoUUID: p.videoUUID,
      VideoDownloadFlag: 2,
      ThumbWidth: p.snapshotWidth,
      ThumbHeight: p.snapshotHeight,
      ThumbUrl: p.snapshotUrl,
      ThumbDownloadFlag: 2,
    }),
  },
  [TYPES.MSG_MERGER]: {
    read: (c) => ({
      title: string(c.Title),
      abstractList: strings(c.AbstractList),
      compatibleText: string(c.CompatibleText),
      messageList: list(c.MsgList).map((item) => simplified(object(item))),
      downloadKey: '',
      layersOverLimit: false,
    }),
    write: (p) => ({
      Title: p.title,
      AbstractList: p.abstractList,
      CompatibleText: p.compatibleText,
      MsgNum: p.messageList.length,
      MsgList: p.messageList.map((message) => ({
        From_Account: message.from,
        // Not in the REST form, which identifies by MsgSeq and MsgRandom; readers need these to show the message.
        ID: message.ID,
        Nick: message.nick,
        Avatar: message.avatar,
        MsgTimeStamp: message.time,
        CloudCustomData: message.cloudCustomData,
        MsgBody: message.messageBody.map(({ type, payload }) => writeElement(String(type), payload)),
      })),
    }),
  },
  [TYPES.MSG_GRP_TIP]: { read: tip, write: unsendable },
  [TYPES.MSG_GRP_SYS_NOTICE]: { read: notice, write: unsendable },
};

function simplified(item: Content): SimplifiedMessage {
  return {
    ID: string(item.ID),
    from: string(item.From_Account),
    nick: string(item.Nick),
    avatar: string(item.Avatar),
    time: number(item.MsgTimeStamp),
    cloudCustomData: string(item.CloudCustomData),
    messageBody: list(item.MsgBody).map((element) => {
      const { MsgType, MsgContent } = object(element);
      return readElement({ MsgType: string(MsgType), MsgContent: object(MsgContent) });
    }),
  };
}

function userInfo(value: unknown, userID = ''): UserInfo {
  const user = object(value);
  return { userID: string(user.userID) || userID, nick: string(user.nick), avatar: string(user.avatar) };
}

/** Tips carry the SDK's payload already. Spread last, so that nothing the server adds is lost. */
function tip(c: Content): GroupTipPayload {
  const operatorID = string(c.operatorID);
  return {
    ...(c as Partial<GroupTipPayload>),
    operationType: number(c.operationType),
    operatorID,
    operatorInfo: userInfo(c.operatorInfo, operatorID),
    userIDList: strings(c.userIDList),
    groupJoinType: number(c.groupJoinType),
    memberList: list(c.memberList).map((item) => {
      const member = object(item);
      return {
        ...userInfo(member),
        muteTime: number(member.muteTime),
        duration: number(member.duration),
        reason: string(member.reason),
      };
    }),
    newGroupProfile: object(c.newGroupProfile),
    groupProfile: { groupID: '', ...object(c.groupProfile) },
    memberCount: number(c.memberCount),
  };
}

function notice(c: Content): GroupNoticePayload {
  return {
    ...(c as Partial<GroupNoticePayload>),
    operationType: number(c.operationType),
    operatorID: string(c.operatorID),
    groupProfile: { groupID: '', ...object(c.groupProfile) },
    userDefinedField: string(c.userDefinedField),
    handleMessage: string(c.handleMessage),
    messageRemindType: string(c.messageRemindType),
  };
}

function unsendable(): never {
  throw new TypeError('tips and notices are made by the server only');
}

export function readElement({ MsgType, MsgContent }: MessageElement): { type: TYPES; payload: MessagePayload } {
  const payload = MAPPINGS[MsgType]?.read(object(MsgContent)) ?? MsgContent;
  return { type: MsgType as TYPES, payload: payload as MessagePayload };
}

export function writeElement(type: string, payload: MessagePayload): MessageElement {
  return { MsgType: type, MsgContent: MAPPINGS[type]?.write(payload) ?? { ...payload } };
}

const WORDS: Partial<Record<string, string>> = {
  [TYPES.MSG_IMAGE]: '[Image]',
  [TYPES.MSG_AUDIO]: '[Voice]',
  [TYPES.MSG_VIDEO]: '[Video]',
  [TYPES.MSG_FILE]: '[File]',
  [TYPES.MSG_FACE]: '[Emoji]',
  [TYPES.MSG_LOCATION]: '[Location]',
  [TYPES.MSG_CUSTOM]: '[Custom Message]',
  [TYPES.MSG_MERGER]: '[Chat History]',
  [TYPES.MSG_GRP_TIP]: '[Group Tips]',
  [TYPES.MSG_GRP_SYS_NOTICE]: '[Group System Notice]',
};

/** What a conversation list shows of a message. */
export function forShow(type: string, payload: MessagePayload): string {
  return type === TYPES.MSG_TEXT ? payload.text : (WORDS[type] ?? '[Message]');
}
