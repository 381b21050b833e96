import { trim } from './bounded.js';
import type { ConversationList, Entry } from './conversation-list.js';
import { toGroup } from './group.js';
import { groupConversation, userConversation } from './ids.js';
import { newer } from './merge.js';
import type { Group } from './models.js';
import type { Moment } from './moment.js';
import type { News } from './news.js';
import { toProfile } from './profile.js';
import type {
  Conversation, Friend, FriendApplications, Friends, GroupLeft, GroupProfile, MembershipChanged, Profile,
} from './protocol.js';
import { same } from './same.js';

/** The most users whose profile is remembered as told. */
const PROFILES = 1000;

/** The part of the replica that is about users and groups, and what of them shows in conversations. */
export class Contacts {
  readonly groups = new Map<string, GroupProfile>();
  /** Null until they were asked for; from then on events keep them up to date. */
  friends: Friend[] | null = null;
  applications: FriendApplications | null = null;
  /** The number of the user's change that the friends are from; 0 before they were asked for. */
  #friendsChange = 0;
  /** The user's own. */
  profile: Profile;
  /** All groups were read: from then on events and states keep them up to date. */
  #hasGroups = false;
  readonly #told = new Map<string, Profile>();
  readonly #list: ConversationList;
  readonly #news: News;
  readonly #moment: Moment;

  constructor(profile: Profile, list: ConversationList, news: News, moment: Moment) {
    this.profile = profile;
    this.#list = list;
    this.#news = news;
    this.#moment = moment;
  }

  setGroups(groups: GroupProfile[]): void {
    this.#hasGroups = true;
    const newest = groups.map((group) => this.#newest(group));
    // Read again after each lost connection, when mostly nothing has changed.
    if (same(newest, [...this.groups.values()])) return;
    this.groups.clear();
    for (const group of newest) this.groups.set(group.groupId, group);
    this.#news.changed('groups');
  }

  groupViews(): Group[] {
    return [...this.groups.values()].map((group) => this.groupView(group));
  }

  groupView(group: GroupProfile): Group {
    return toGroup(group, this.profile.userId, this.#list.get(groupConversation(group.groupId))?.state);
  }

  /** A group as it is now, unless something newer is known; without `me`, the membership stays what it was. */
  group(group: GroupProfile): void {
    const whole = this.#newest(group);
    const entry = this.#list.get(groupConversation(group.groupId));
    if (this.groups.has(group.groupId)) this.#setGroup(whole);
    if (!entry || same(entry.state.group, whole)) return;
    entry.state.group = whole;
    this.#changed(entry);
  }

  /** The greater number is newer; what is older than what is known is ignored. */
  setFriends({ change, friends }: Friends, isNews = true): void {
    if (change < this.#friendsChange) return;
    this.#friendsChange = change;
    this.#setRemarks(friends);
    if (this.friends && same(this.friends, friends)) return;
    this.friends = friends;
    if (isNews) this.#news.changed('friends');
  }

  /** What was missed. Of the same number it may lack what events told of profiles since. */
  resumed(friends: Friends | undefined, applications: FriendApplications | undefined): void {
    if (friends && friends.change > this.#friendsChange) this.setFriends(friends);
    if (applications && applications.change > (this.applications?.change ?? 0)) this.setApplications(applications);
  }

  user(profile: Profile): void {
    if (profile.userId === this.profile.userId) this.profile = profile;
    const entry = this.#list.get(userConversation(profile.userId));
    if (entry) entry.metAt = this.#moment.now;
    if (entry && !same(entry.state.user, profile)) {
      entry.state.user = profile;
      this.#changed(entry);
    }
    if (this.friends) {
      this.friends = this.friends.map((friend) => (friend.userId === profile.userId ? { ...friend, profile } : friend));
    }
    this.#tell(profile);
  }

  setApplications(applications: FriendApplications): void {
    const known = this.applications;
    if (known && (applications.change < known.change || same(applications, known))) return;
    this.applications = applications;
    this.#news.changed('applications');
  }

  joined(group: GroupProfile): void {
    this.#setGroup(this.#newest(group));
  }

  /** It has no version: the conversation is asked for as well. */
  membership({ groupId, me }: MembershipChanged): void {
    const entry = this.#list.get(groupConversation(groupId));
    if (entry) entry.metAt = this.#moment.now;
    const group = this.groups.get(groupId) ?? entry?.state.group;
    if (group) this.group({ ...group, me });
  }

  /** What a conversation's state says of a group: its event may have been lost. */
  seen({ group, left }: Conversation): void {
    if (!group || !this.#hasGroups) return;
    if (left) this.#forget(group.groupId);
    else if (group.me) this.#setGroup(this.#newest(group));
  }

  left({ groupId, reason, leftAt, time, change }: GroupLeft): void {
    const entry = this.#list.get(groupConversation(groupId));
    this.#forget(groupId);
    if (!entry) return;
    const { state } = entry;
    const next = {
      ...state,
      change: Math.max(state.change, change),
      left: true,
      unread: 0,
      head: Math.max(state.head, leftAt),
      activeAt: Math.max(state.activeAt, time),
    };
    if (next.group) next.group = withoutMe(reason === 'dismissed' ? dismissed(next.group, time) : next.group);
    entry.heardAt = this.#moment.now;
    entry.mentions = [];
    if (same(state, next)) return;
    entry.state = next;
    this.#changed(entry);
  }

  /** The newer of this profile and the known one. */
  #newest(group: GroupProfile): GroupProfile {
    const known = this.groups.get(group.groupId);
    const shown = this.#list.get(groupConversation(group.groupId))?.state.group;
    const profile = newer(shown, newer(known, group));
    const me = group.me ?? known?.me ?? shown?.me;
    return me ? { ...profile, me } : profile;
  }

  #setGroup(group: GroupProfile): void {
    if (same(this.groups.get(group.groupId), group)) return;
    this.groups.set(group.groupId, group);
    this.#news.changed('groups');
  }

  #forget(groupID: string): void {
    if (this.groups.delete(groupID)) this.#news.changed('groups');
  }

  #setRemarks(friends: Friend[]): void {
    const remarks = new Map<string, string>();
    for (const { userId } of this.friends ?? []) remarks.set(userId, '');
    for (const { userId, remark } of friends) remarks.set(userId, remark);
    for (const [userID, remark] of remarks) {
      const entry = this.#list.get(userConversation(userID));
      if (!entry || (entry.state.remark ?? '') === remark) continue;
      entry.state.remark = remark;
      entry.metAt = this.#moment.now;
      this.#changed(entry);
    }
  }

  /** A profile that comes twice is told once. */
  #tell(profile: Profile): void {
    if (same(this.#told.get(profile.userId), profile)) return;
    this.#told.delete(profile.userId);
    this.#told.set(profile.userId, profile);
    trim(this.#told, PROFILES);
    this.#news.profile(toProfile(profile));
  }

  #changed(entry: Entry): void {
    this.#list.put(entry);
    this.#news.changed('list');
  }
}

/** No profile from before may bring the group back. */
const dismissed = (group: GroupProfile, time: number): GroupProfile => ({
  ...group, dismissed: true, updated: Math.max(group.updated, time),
});

function withoutMe(group: GroupProfile): GroupProfile {
  const rest = { ...group };
  delete rest.me;
  return rest;
}
