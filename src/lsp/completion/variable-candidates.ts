/** Variables: those of modules, those of the configuration, and groups of the expression around the cursor. */
import { CompletionItemKind } from 'vscode-languageserver/node';
import type { Analysis } from '../analysis.js';
import type { Cursor } from '../cursor.js';
import { spellingOf } from '../names/name-index.js';
import { builtInVariables } from '../variables.js';
import type { Candidate } from './candidate.js';

/** The variable that is being typed: from its `$` on. */
const TYPED = /\$(\{?)\w*$/;

/** Candidates if a variable is being typed; otherwise null. */
export function variableCandidates(analysis: Analysis, cursor: Cursor): Candidate[] | null {
  const match = TYPED.exec(cursor.prefix);
  if (match === null) return null;
  const [, brace = ''] = match;
  const from = cursor.start + match.index;
  const closes = brace !== '' && cursor.source.text.charAt(cursor.offset) !== '}';
  const candidate = (name: string, rest: Partial<Candidate>): Candidate => ({
    label: `$${brace}${name}`,
    insert: `$${brace}${name}${closes ? '}' : ''}`,
    kind: CompletionItemKind.Variable,
    from,
    ...rest,
  });
  const own = analysis.names
    .defined('variable')
    .map((mention) => candidate(spellingOf(mention), { rank: 0, detail: `defined by ${mention.statement.name.text}` }));
  const known = new Set(own.map(({ label }) => label));
  const builtIn = builtInVariables.map(({ name, module }) => {
    const isFamily = name.endsWith('*');
    const text = isFamily ? name.slice(0, -1) : name;
    return {
      ...candidate(text, { rank: 1, page: { variable: name }, detail: `variable of module ${module}` }),
      ...(isFamily && {
        label: `$${brace}${text}`,
        insert: `$${brace}${text}`,
        detail: `$${text}NAME, of module ${module}`,
      }),
    };
  });
  const groups =
    brace === ''
      ? groupsAround(cursor).map((n) => candidate(String(n), { rank: 0, detail: 'group of the regular expression' }))
      : [];
  return [...own, ...groups, ...builtIn.filter(({ label }) => !known.has(label))];
}

/** Numbers of the groups of the expression of this statement or of the nearest block with one. */
function groupsAround({ words, blocks }: Cursor): number[] {
  const [name, pattern] = words;
  const texts = [
    ...(name === 'rewrite' && pattern !== undefined ? [pattern] : []),
    ...blocks.map(({ args }) => args.at(-1) ?? '').reverse(),
  ];
  for (const text of texts) {
    const count = [...text.replace(/\\./g, '').matchAll(/\((?!\?)|\(\?(?:P?<\w|')/g)].length;
    if (count > 0) return Array.from({ length: Math.min(count, 9) }, (_, i) => i + 1);
  }
  return [];
}
