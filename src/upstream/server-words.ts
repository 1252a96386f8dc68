/** `server` lines outside of a configuration: in state files and in requests to the API. */
import type { Source, Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext } from '../config/directive.js';
import { DEFAULT_PEER, type PeerSettings } from './peer.js';
import { type ServerData, serverArgument } from './server-argument.js';

/** The words are not a valid server; the message is that of `-t`. */
export class InvalidServer extends Error {}

/** Parses an address and its parameters. Throws InvalidServer. */
export function parseServerWords(texts: readonly string[]): ServerData {
  const source: Source = { name: 'server', text: texts.join(' ') };
  let start = 0;
  const words = texts.map((text): Word => {
    const word: Word = { source, start, end: start + text.length, text, quote: '' };
    start = word.end + 1;
    return word;
  });
  const [name] = words;
  if (name === undefined) throw new InvalidServer('invalid number of arguments in "server" directive');
  return serverArgument.parse(words, contextOf(name));
}

function contextOf(name: Word): ArgumentContext {
  const fail = (_at: unknown, _code: unknown, message: string): never => {
    throw new InvalidServer(message);
  };
  return {
    directive: 'server',
    context: 'upstream',
    statement: { ...name, kind: 'statement', name, args: [], block: null },
    path: (relative) => relative,
    place: () => ({ file: '', line: 1, column: 1 }),
    fail,
    unsupported: (_at, message) => fail(null, null, message),
    report: fail,
    attempt: (parse) => ({ value: parse(contextOf(name)) }),
    uses: () => {},
    defines: () => {},
  };
}

/** The words of a server; parameters with their default are omitted. */
export function serverWords(
  written: string,
  settings: PeerSettings,
  runTime: { readonly service: string } | null,
): readonly string[] {
  const words = [written];
  for (const [name, key] of NUMBERS) if (settings[key] !== DEFAULT_PEER[key]) words.push(`${name}=${settings[key]}`);
  if (settings.failTimeout !== DEFAULT_PEER.failTimeout) words.push(`fail_timeout=${settings.failTimeout / 1000}s`);
  if (settings.slowStart > 0) words.push(`slow_start=${settings.slowStart}ms`);
  if (settings.route !== '') words.push(`route=${settings.route}`);
  if (settings.backup) words.push('backup');
  if (settings.down !== false) words.push(settings.down);
  if (runTime !== null) words.push('resolve');
  if (runTime !== null && runTime.service !== '') words.push(`service=${runTime.service}`);
  return words;
}

const NUMBERS = [
  ['weight', 'weight'],
  ['max_conns', 'maxConns'],
  ['max_fails', 'maxFails'],
] as const;

/** Content of a state file: `server` directives. Byte string. */
export function formatServers(servers: readonly (readonly string[])[]): string {
  return servers.map((words) => `server ${words.map(quoted).join(' ')};\n`).join('');
}

function quoted(word: string): string {
  return /[\s;{}"'\\#]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word;
}

/** Servers of a state file, as words. Throws InvalidServer with the line of the first mistake. */
export function parseServers(text: string): (readonly string[])[] {
  const servers: string[][] = [];
  let words: string[] = [];
  let line = 1;
  for (const [token, quotedText] of text.matchAll(TOKENS)) {
    if (token === '\n') line++;
    else if (token === ';') {
      if (words.shift() !== 'server') throw new InvalidServer(`only "server" directives are expected in line ${line}`);
      attempt(() => parseServerWords(words), line);
      servers.push(words);
      words = [];
    } else if (quotedText !== undefined) words.push(quotedText.replace(/\\(["\\])/g, '$1'));
    else if (!/^[\s#]/.test(token)) words.push(token);
  }
  if (words.length > 0) throw new InvalidServer(`";" is missing in line ${line}`);
  return servers;
}

/** Line breaks, other white space, comments, ends of directives, quoted words, and other words. */
const TOKENS = /\n|[^\S\n]+|#[^\n]*|;|"((?:[^"\\]|\\[\s\S])*)"|[^\s;]+/g;

function attempt(parse: () => void, line: number): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof InvalidServer)) throw error;
    throw new InvalidServer(`${error.message} in line ${line}`);
  }
}
