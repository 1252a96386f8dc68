/** Outline of a document, and symbols of the workspace: servers, locations, upstreams, maps and other definitions. */
import { type DocumentSymbol, SymbolKind, type WorkspaceSymbol } from 'vscode-languageserver/node';
import { type Item, isStatement, type Statement } from '../../grammar/syntax-tree.js';
import { headOf } from '../config/statement.js';
import { toText } from '../diagnostics/byte-string.js';
import type { Analysis } from './analysis.js';
import type { NameKind } from './names/mention.js';
import { spellingOf } from './names/name-index.js';
import type { OpenDocument } from './open-documents.js';
import { ownValue } from './own-value.js';
import { rangeOf } from './positions.js';
import { treeOf } from './syntax-tree.js';

const KINDS: Readonly<Record<string, SymbolKind>> = {
  events: SymbolKind.Module,
  geo: SymbolKind.Variable,
  http: SymbolKind.Module,
  if: SymbolKind.Operator,
  location: SymbolKind.Method,
  map: SymbolKind.Variable,
  server: SymbolKind.Class,
  split_clients: SymbolKind.Variable,
  stream: SymbolKind.Module,
  upstream: SymbolKind.Interface,
};

/** Maximum length of the shown head of a block, in characters. */
const MAX_LENGTH = 120;

export function documentSymbols({ source }: OpenDocument): DocumentSymbol[] {
  return symbolsIn(treeOf(source).items, 0);
}

/** Maximum depth of the outline, so that the recursion is bounded. */
const MAX_DEPTH = 30;

function symbolsIn(items: readonly Item[], depth: number): DocumentSymbol[] {
  return items.filter(isStatement).flatMap((statement) => {
    const { block, name } = statement;
    if (block === null) return [];
    return [
      {
        ...titleOf(statement),
        kind: ownValue(KINDS, name.text) ?? SymbolKind.Object,
        range: rangeOf(statement),
        selectionRange: rangeOf(headOf(statement)),
        children: depth < MAX_DEPTH ? symbolsIn(block.items, depth + 1) : [],
      },
    ];
  });
}

/** Title of a block: the names and addresses of a server, the words of any other block. */
function titleOf(statement: Statement): { readonly name: string; readonly detail?: string } {
  const { name, args, block } = statement;
  if (name.text !== 'server' || block === null) {
    return { name: shortened([name, ...args].map(({ text }) => text).join(' ')) };
  }
  const own = block.items.filter(isStatement);
  const names = own
    .filter((each) => each.name.text === 'server_name')
    .flatMap((each) => each.args.map(({ text }) => text));
  const listens = own.filter((each) => each.name.text === 'listen').flatMap((each) => each.args.slice(0, 1));
  return {
    name: shortened(`server ${names.join(' ')}`.trim()),
    detail: shortened(listens.map(({ text }) => text).join(', ')),
  };
}

function shortened(bytes: string): string {
  const text = toText(bytes);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

/** Maximum number of symbols of the workspace in one answer. */
const MAX_SYMBOLS = 500;

const NAME_KINDS: Readonly<Record<NameKind, SymbolKind>> = {
  upstream: SymbolKind.Interface,
  zone: SymbolKind.Field,
  variable: SymbolKind.Variable,
  'named location': SymbolKind.Method,
  'log format': SymbolKind.String,
  'health check match': SymbolKind.Object,
  'API keys': SymbolKind.Key,
  'API plan': SymbolKind.Key,
  'script module': SymbolKind.Module,
};

/** Symbols whose names contain the characters of the query in their order. */
export function workspaceSymbols(
  analyses: Iterable<Analysis>,
  query: string,
  uriOf: (path: string) => string,
): WorkspaceSymbol[] {
  const found = new Map<string, WorkspaceSymbol>();
  for (const analysis of analyses) {
    for (const symbol of symbolsOf(analysis, uriOf)) {
      if (found.size >= MAX_SYMBOLS) break;
      if (matches(symbol.name, query)) found.set(JSON.stringify([symbol.name, symbol.location]), symbol);
    }
  }
  return [...found.values()];
}

function* symbolsOf(analysis: Analysis, uriOf: (path: string) => string): Generator<WorkspaceSymbol> {
  const { main, names } = analysis;
  for (const scope of main?.all() ?? []) {
    const { opener, kind } = scope;
    if (opener === null || (kind !== 'server' && kind !== 'location')) continue;
    const location = { uri: uriOf(opener.source.name), range: rangeOf(headOf(opener)) };
    yield { name: titleOf(opener).name, kind: KINDS[kind] ?? SymbolKind.Object, location };
  }
  for (const mention of names.all) {
    if (!mention.defines || mention.kind === 'named location') continue;
    const { at, kind, statement } = mention;
    yield {
      name: `${kind === 'variable' ? '$' : ''}${toText(spellingOf(mention))}`,
      kind: NAME_KINDS[kind],
      containerName: statement.name.text,
      location: { uri: uriOf(at.source.name), range: rangeOf(at) },
    };
  }
}

function matches(name: string, query: string): boolean {
  const lower = name.toLowerCase();
  let from = 0;
  for (const character of query.toLowerCase()) {
    from = lower.indexOf(character, from) + 1;
    if (from === 0) return false;
  }
  return true;
}
