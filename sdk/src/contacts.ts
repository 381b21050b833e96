import type { ConversationList, Entry } from './conversation-list.js';
import { toGroup } from './group.js';
import { groupConversation, userConversation } from './ids.js';
import type { Group } from './models.js';
import type { News } from './news.js';
import { toProfile } from './profile.js';
import type { Friend, FriendApplications, GroupLeft, GroupProfile, MembershipChanged, Profile } from './protocol.js';

/** The part of the replica that is about users and groups, and what of them shows in conversations. */
export class Contacts {
  readonly groups = new Map<string, GroupProfile>();
  /** Null until they were asked for; from then on events keep them up to date. */
  friends: Friend[] | null = null;
  applications: FriendApplications | null = null;
  /** The user's own. */
  profile: Profile;
  readonly #list: ConversationList;
  readonly #news: News;

  constructor(profile: Profile, list: ConversationList, news: News) {
    this.profile = profile;
    this.#list = list;
    this.#news = news;
  }

  setGroups(groups: GroupProfile[]): void {
    // Read again after each lost connection, when mostly nothing has changed.
    if (JSON.stringify(groups) === JSON.stringify([...this.groups.values()])) return;
    this.groups.clear();
    for (const group of groups) this.groups.set(group.groupId, group);
    this.#news.changed('groups');
  }

  groupViews(): Group[] {
    return [...this.groups.values()].map((group) => this.groupView(group));
  }

  groupView(group: GroupProfile): Group {
    return toGroup(group, this.profile.userId, this.#list.get(groupConversation(group.groupId))?.state);
  }

  /** A group as it is now; without `me`, the membership stays what it was. */
  group(group: GroupProfile): void {
    const known = this.groups.get(group.groupId);
    const entry = this.#list.get(groupConversation(group.groupId));
    const me = group.me ?? known?.me ?? entry?.state.group?.me;
    const whole = me ? { ...group, me } : group;
    if (known) {
      this.groups.set(group.groupId, whole);
      this.#news.changed('groups');
    }
    if (entry) {
      entry.state.group = whole;
      this.#changed(entry);
    }
  }

  setFriends(friends: Friend[], isNews = true): void {
    const remarks = new Map<string, string>();
    for (const { userId } of this.friends ?? []) remarks.set(userId, '');
    for (const { userId, remark } of friends) remarks.set(userId, remark);
    for (const [userID, remark] of remarks) {
      const entry = this.#list.get(userConversation(userID));
      if (!entry || (entry.state.remark ?? '') === remark) continue;
      entry.state.remark = remark;
      this.#changed(entry);
    }
    this.friends = friends;
    if (isNews) this.#news.changed('friends');
  }

  user(profile: Profile): void {
    if (profile.userId === this.profile.userId) this.profile = profile;
    const entry = this.#list.get(userConversation(profile.userId));
    if (entry) {
      entry.state.user = profile;
      this.#changed(entry);
    }
    if (this.friends) {
      this.friends = this.friends.map((friend) => (friend.userId === profile.userId ? { ...friend, profile } : friend));
    }
    this.#news.profile(toProfile(profile));
  }

  setApplications(applications: FriendApplications): void {
    this.applications = applications;
    this.#news.changed('applications');
  }

  joined(group: GroupProfile): void {
    this.groups.set(group.groupId, group);
    this.#news.changed('groups');
  }

  membership({ groupId, me }: MembershipChanged): void {
    const group = this.groups.get(groupId);
    if (group) this.group({ ...group, me });
  }

  /** A group as a conversation's state has it, which is newer than what was known. */
  seen(group: GroupProfile | undefined): void {
    if (group?.me && this.groups.has(group.groupId)) this.groups.set(group.groupId, group);
  }

  left({ groupId, reason, leftAt, time }: GroupLeft): void {
    if (this.groups.delete(groupId)) this.#news.changed('groups');
    const entry = this.#list.get(groupConversation(groupId));
    if (!entry) return;
    const { state } = entry;
    state.left = true;
    state.unread = 0;
    state.head = Math.max(state.head, leftAt);
    state.activeAt = time;
    entry.mentions = [];
    if (state.group) {
      state.group = { ...state.group, dismissed: state.group.dismissed || reason === 'dismissed' };
      delete state.group.me;
    }
    this.#changed(entry);
  }

  #changed(entry: Entry): void {
    this.#list.put(entry);
    this.#news.changed('list');
  }
}
