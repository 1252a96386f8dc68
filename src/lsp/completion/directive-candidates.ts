/** Directives that are allowed in a block. */
import { CompletionItemKind } from 'vscode-languageserver/node';
import type { Declared } from '../../config/catalogue.js';
import type { Context } from '../../config/directive.js';
import { catalogue } from '../analysis.js';
import { ownValue } from '../own-value.js';
import type { Candidate } from './candidate.js';
import { snippetOf } from './snippets.js';

const byContext = new Map<Context, readonly Declared[]>();

function declaredIn(context: Context): readonly Declared[] {
  let found = byContext.get(context);
  if (found === undefined) {
    found = catalogue.names().flatMap((name) => catalogue.find(name, context) ?? []);
    byContext.set(context, found);
  }
  return found;
}

/** @param insertion `name`: the name alone, because arguments follow */
export function directiveCandidates(context: Context, insertion: 'name' | 'word' | 'snippet'): Candidate[] {
  const own = declaredIn(context).map((declared) => candidateOf(declared, insertion));
  const include: Candidate = {
    label: 'include',
    kind: CompletionItemKind.Keyword,
    detail: 'include file;',
    ...textOf('include', insertion, 'include $1;$0'),
    continues: true,
  };
  return [...own, include];
}

function candidateOf({ name, module, spec }: Declared, insertion: 'name' | 'word' | 'snippet'): Candidate {
  const { syntax } = spec.takes;
  return {
    label: name,
    kind: spec.body === undefined ? CompletionItemKind.Property : CompletionItemKind.Module,
    detail: `${name}${syntax === '' ? '' : ` ${syntax}`}${spec.body === undefined ? '' : ' { … }'}`,
    page: { directive: name, module: module.name },
    ...textOf(name, insertion, snippetOf(name, spec)),
    rank: spec.noEffect === undefined ? 1 : 2,
    continues: insertion === 'snippet' && spec.takes.min > 0,
  };
}

function textOf(
  name: string,
  insertion: 'name' | 'word' | 'snippet',
  snippet: string,
): Pick<Candidate, 'insert' | 'isSnippet'> {
  if (insertion === 'snippet') return { insert: snippet, isSnippet: true };
  return { insert: insertion === 'word' ? `${name} ` : name };
}

/** Entries of blocks that contain no directives. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  map: ['default', 'hostnames', 'volatile', 'include'],
  geo: ['default', 'delete', 'include', 'proxy', 'proxy_recursive', 'ranges'],
  split_clients: ['*', 'include'],
  types: ['include'],
};

export function entryCandidates(directive: string): Candidate[] {
  return (ownValue(ENTRIES, directive) ?? []).map((label) => ({ label, kind: CompletionItemKind.Keyword }));
}
