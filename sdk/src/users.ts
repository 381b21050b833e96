import * as check from './check.js';
import type { Profile, Result } from './models.js';
import type { ProfileOptions } from './options.js';
import { toProfile } from './profile.js';
import { CODE, type ProfilePatch } from './protocol.js';
import type { Session } from './session.js';

const BAD = CODE.PROFILE_PARAMETER;
/** The most users in one call. */
const PER_CALL = 100;

const TEXTS = ['nick', 'avatar', 'gender', 'location', 'selfSignature', 'allowType'] as const;
const NUMBERS = ['birthday', 'language', 'messageSettings', 'level', 'role'] as const;

/** Profiles. */
export class Users {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async getMyProfile(): Promise<Result<Profile>> {
    return { code: 0, data: toProfile(this.#session.replica.contacts.profile) };
  }

  /** @param options 1 to 100 users; unknown ones are left out of the answer. */
  async getUserProfile(options: { userIDList: string[] }): Promise<Result<Profile[]>> {
    this.#session.requireLogin();
    const userIds = check.users(check.fields(options, BAD).userIDList, PER_CALL, BAD);
    const { profiles } = await this.#session.request('users.get', { userIds });
    return { code: 0, data: profiles.map(toProfile) };
  }

  /** Changes the parts that are given. */
  async updateMyProfile(options: ProfileOptions): Promise<Result<Profile>> {
    const { replica } = this.#session;
    const given = check.fields(options, BAD);
    const patch: ProfilePatch = {};
    for (const name of TEXTS) if (given[name] !== undefined) patch[name] = check.text(given[name], name, BAD, 0);
    for (const name of NUMBERS) if (given[name] !== undefined) patch[name] = check.integer(given[name], name, BAD);
    await this.#session.request('users.update', patch, {
      apply: ({ profiles }) => {
        // Its event can have come already, and then this is the same once more.
        const [mine] = profiles;
        if (mine && JSON.stringify(mine) !== JSON.stringify(replica.contacts.profile)) replica.contacts.user(mine);
      },
    });
    return { code: 0, data: toProfile(replica.contacts.profile) };
  }
}
