/** Files and directories, for `include` and other directives that name files. */
import { readdirSync } from 'node:fs';
import { CompletionItemKind } from 'vscode-languageserver/node';
import { nativePath } from '../../files/native-path.js';
import { type Analysis, catalogue } from '../analysis.js';
import type { Cursor } from '../cursor.js';
import type { Candidate } from './candidate.js';

/** Maximum number of entries of a directory that are offered. */
const MAX_ENTRIES = 500;

/** Words of a syntax that stand for files. */
const FILES = /(?:^|[\s|[])(?:file|path|directory)(?:$|[\s|\]])/;

/** Files, if the directive at the cursor takes a file name; otherwise none. */
export function fileCandidates(analysis: Analysis, { words, prefix, start }: Cursor): Candidate[] {
  const [directive = ''] = words;
  const takesFile =
    directive === 'include' || catalogue.all(directive).some(({ spec }) => FILES.test(spec.takes.syntax));
  if (!takesFile || prefix.includes('$')) return [];
  const typed = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const entries = entriesOf(analysis.fileOf(typed));
  return entries.map(({ name, isDirectory }) => ({
    label: isDirectory ? `${name}/` : name,
    kind: isDirectory ? CompletionItemKind.Folder : CompletionItemKind.File,
    from: start + typed.length,
    rank: 3,
    continues: isDirectory,
  }));
}

function entriesOf(directory: string): { readonly name: string; readonly isDirectory: boolean }[] {
  if (!directory.startsWith('/')) return [];
  try {
    const entries = readdirSync(nativePath(directory), { withFileTypes: true, encoding: 'latin1' });
    return entries
      .filter(({ name }) => !name.startsWith('.') && !/[\s;{}"'\\]/.test(name))
      .slice(0, MAX_ENTRIES)
      .map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch {
    return [];
  }
}
