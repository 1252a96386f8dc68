/** Users of `basic_auth` as a password file. */
import type { Directive } from '../crossplane/payload.js';
import { directive } from '../directives.js';
import type { AuxiliaryFile } from '../model.js';
import type { NoteList } from '../note-list.js';
import type { Segment } from './parser.js';

export interface PasswordFile {
  readonly settings: readonly Directive[];
  readonly file: AuxiliaryFile;
}

/** @param site for the name of the file */
export function passwordFile(segment: Segment, args: readonly string[], site: string, notes: NoteList): PasswordFile {
  const [algorithm = 'bcrypt', realm = 'restricted'] = args;
  if (algorithm !== 'bcrypt') {
    notes.missing(segment.line, `the hashes of "${algorithm}" are not supported; their users are refused`);
  }
  const users = (segment.block ?? []).flatMap(({ name, args: [written], line }) => {
    if (written === undefined) {
      notes.missing(line, `the user "${name}" has no password`);
      return [];
    }
    // Before version 2.8, hashes were encoded once more.
    const hash = written.startsWith('$') ? written : Buffer.from(written, 'base64').toString('latin1');
    return [`${name}:${hash}`];
  });
  const name = `${site}-${segment.line}.htpasswd`;
  return {
    settings: [directive('auth_basic', realm), directive('auth_basic_user_file', name)],
    file: { name, text: `${users.join('\n')}\n` },
  };
}
