/** Lists of users as password files. */
import type { AuxiliaryFile } from '../model.js';
import type { NoteList } from '../note-list.js';
import type { Section } from './parser.js';

/** The files by the names of the lists. */
export function passwordFiles(sections: readonly Section[], notes: NoteList): Map<string, AuxiliaryFile> {
  const files = new Map<string, AuxiliaryFile>();
  for (const { kind, name, lines } of sections) {
    if (kind !== 'userlist') continue;
    const rows = lines.flatMap(({ words, line }) => {
      const [keyword, user, form, password] = words;
      if (keyword === 'user' && user !== undefined && password !== undefined) {
        return [`${user}:${form === 'insecure-password' ? `{PLAIN}${password}` : password}`];
      }
      notes.missing(line, `"${keyword}" of a list of users is not converted`);
      return [];
    });
    files.set(name, { name: `${name.replace(/[^\w.-]/g, '_')}.htpasswd`, text: `${rows.join('\n')}\n` });
  }
  return files;
}
