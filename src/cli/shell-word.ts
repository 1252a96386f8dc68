/** Words of commands that people copy into a shell. */

/** A word for a POSIX shell on one line, quoted if necessary; control characters are replaced. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''").replace(/[\0-\x1f\x7f]/g, '?')}'`;
}
