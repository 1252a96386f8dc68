/** Names that the configuration defines, as arguments of directives that refer to them. */
import { CompletionItemKind } from 'vscode-languageserver/node';
import type { Analysis } from '../analysis.js';
import type { Cursor } from '../cursor.js';
import type { Mention, NameKind } from '../names/mention.js';
import { spellingOf } from '../names/name-index.js';
import { ownValue } from '../own-value.js';
import { functionsOf } from '../script-functions.js';
import type { Candidate } from './candidate.js';

/** Names of the predefined log formats. */
const PREDEFINED_FORMATS: Readonly<Record<string, readonly string[]>> = {
  access_log: ['combined', 'json'],
  websocket_log: ['websocket', 'websocket_json'],
};

/** Schemes that a pass directive writes before the name of an upstream; the first one is offered. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  proxy_pass: ['http://', 'https://'],
  grpc_pass: ['grpc://', 'grpcs://'],
};

export function nameCandidates(analysis: Analysis, cursor: Cursor): Candidate[] {
  const { words, prefix } = cursor;
  const [directive = ''] = words;
  const position = words.length - 1;
  const [, parameter] = /^(zone|match|plans)=/.exec(prefix) ?? [];
  if (parameter === 'zone') return zones(analysis, directive).map((name) => named(`zone=${name}`));
  if (parameter === 'match') return defined(analysis, 'health check match').map((name) => named(`match=${name}`));
  if (parameter === 'plans') {
    const before = prefix.slice(0, Math.max(prefix.lastIndexOf(','), prefix.indexOf('=')) + 1);
    return defined(analysis, 'API plan').map((name) => named(before + name));
  }
  if (/_pass$/.test(directive) && position === 0) return upstreams(analysis, cursor, directive);
  if (prefix.startsWith('@') || directive === 'error_page' || directive === 'try_files') {
    return locations(analysis, cursor).map((name) => named(`@${name}`));
  }
  if (directive === 'limit_conn' && position === 0) return zones(analysis, directive).map(named);
  if (/^(?:proxy|fastcgi|uwsgi|scgi)_cache$/.test(directive)) return defined(analysis, 'zone').map(named);
  if (/^api_(?:key|usage)$/.test(directive) && position === 0) return defined(analysis, 'API keys').map(named);
  const formats = ownValue(PREDEFINED_FORMATS, directive);
  if (formats !== undefined && position === 1) {
    return [...defined(analysis, 'log format'), ...formats].map(named);
  }
  if (/^js_/.test(directive) && directive !== 'js_import') return functions(analysis);
  return [];
}

function named(label: string): Candidate {
  return { label, kind: CompletionItemKind.Reference, rank: 0 };
}

function defined(analysis: Analysis, kind: NameKind): string[] {
  return analysis.names.defined(kind).map(spellingOf);
}

/** Zones that `limit_req_zone` declares for `limit_req`, and so on; all zones for other directives. */
function zones(analysis: Analysis, directive: string): string[] {
  const all = analysis.names.defined('zone');
  const own = all.filter(({ statement }) => statement.name.text === `${directive}_zone`);
  return (own.length > 0 ? own : all).map(spellingOf);
}

function upstreams(analysis: Analysis, { prefix }: Cursor, directive: string): Candidate[] {
  const schemes = ownValue(SCHEMES, directive) ?? [''];
  const written = schemes.find((scheme) => scheme !== '' && prefix.startsWith(scheme));
  const scheme = written ?? schemes[0] ?? '';
  const names = defined(analysis, 'upstream').map((name) => named(scheme + name));
  const others = written === undefined ? schemes.filter((each) => each !== '') : [];
  return [
    ...names,
    ...others.map((label): Candidate => ({ label, kind: CompletionItemKind.Keyword, continues: true })),
  ];
}

/** Named locations of the server at the cursor; all of them outside of a server, as in a snippet. */
function locations(analysis: Analysis, { source, blocks }: Cursor): string[] {
  const server = blocks.find(({ name }) => name === 'server');
  const all = analysis.names.defined('named location');
  const own = all.filter((mention) => server !== undefined && openedAt(mention, source.name, server.start));
  return (own.length > 0 ? own : all).map(spellingOf);
}

function openedAt({ server }: Mention, path: string, start: number): boolean {
  const opener = server?.opener;
  return opener != null && opener.source.name === path && opener.start === start;
}

/** Functions of the imported scripts. */
function functions(analysis: Analysis): Candidate[] {
  return analysis.names.defined('script module').flatMap(({ name, statement }) => {
    const file = statement.args.at(-1)?.text ?? '';
    const exported = functionsOf(analysis, file).map(({ name: own }) => `${name}.${own}`);
    return exported.map((label) => ({ label, kind: CompletionItemKind.Function, rank: 0 }));
  });
}
