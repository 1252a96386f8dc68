/** Password files: lines `user:hash`, as Apache's htpasswd writes them. */

/** One user of a file. */
export interface PasswordEntry {
  readonly hash: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** Content of a password file. Byte strings. */
export class PasswordFile {
  readonly entries: ReadonlyMap<string, PasswordEntry>;
  /** Numbers of lines that are neither empty, nor comments, nor `user:hash`. */
  readonly malformed: number[] = [];
  /** Keys of credentials that were found to be correct. */
  readonly verified: Set<string>;

  /** A text without any user that is no password file at all leaves the users of the previous one in force. */
  constructor(text: string, previous: PasswordFile | null = null) {
    const entries = new Map<string, PasswordEntry>();
    let number = 0;
    for (const line of text.split('\n')) {
      number++;
      if (line === '' || line.startsWith('#') || line.startsWith('\r')) continue;
      // As in nginx, a hash ends at a colon (further fields may follow) and at CR.
      const [, user, hash] = /^([^:]+):([^:\r]+)/.exec(line) ?? [];
      if (user === undefined || hash === undefined) this.malformed.push(number);
      // As in nginx, the first line of a user applies.
      else if (!entries.has(user)) entries.set(user, { hash, line: number });
    }
    const kept = entries.size === 0 && this.malformed.length > 0 ? previous : null;
    this.entries = kept?.entries ?? entries;
    this.verified = kept?.verified ?? new Set();
  }
}
