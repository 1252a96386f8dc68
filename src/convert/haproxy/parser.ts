/** Sections and lines of a configuration of HAProxy. */
import { SourceMistake } from '../model.js';

export interface Line {
  readonly words: readonly string[];
  /** From 1. */
  readonly line: number;
}

export interface Section {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  /** Lines of the section, after those of its `defaults`. */
  readonly lines: readonly Line[];
}

const KINDS: ReadonlySet<string> = new Set([
  ...['global', 'defaults', 'frontend', 'backend', 'listen', 'userlist', 'peers', 'resolvers', 'mailers'],
  ...['cache', 'program', 'http-errors', 'ring', 'fcgi-app', 'crt-store', 'traces', 'log-forward'],
]);

export function parseHaproxy(text: string): Section[] {
  const sections: { kind: string; name: string; line: number; lines: Line[] }[] = [];
  const defaults = new Map<string, readonly Line[]>();
  let latest: readonly Line[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = index + 1;
    const words = wordsOf(raw, line);
    const [kind = '', name = '', ...rest] = words;
    if (words.length === 0) return;
    if (!KINDS.has(kind)) {
      const section = sections.at(-1);
      if (section === undefined) throw new SourceMistake(`"${kind}" is in no section`, line);
      section.lines.push({ words, line });
      return;
    }
    const finished = sections.at(-1);
    if (finished?.kind === 'defaults') {
      latest = finished.lines;
      defaults.set(finished.name, latest);
    }
    const isProxy = kind === 'frontend' || kind === 'backend' || kind === 'listen';
    const from = rest[rest.indexOf('from') + 1];
    const own = rest.includes('from') && from !== undefined ? defaults.get(from) : latest;
    if (own === undefined) throw new SourceMistake(`there are no defaults "${from}"`, line);
    sections.push({ kind, name, line, lines: isProxy ? [...own] : [] });
    // Older versions have an address behind the name.
    if (isProxy && rest[0] !== undefined && rest[0] !== 'from') {
      sections.at(-1)?.lines.push({ words: ['bind', ...rest], line });
    }
  });
  if (sections.length === 0) throw new SourceMistake('it has no section', 0);
  return sections;
}

/** Words of a line: quotes, backslashes and comments as in HAProxy (configuration.txt, 2.2). */
function wordsOf(raw: string, line: number): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at] ?? '';
    if (character === '\\') {
      const next = raw[++at] ?? '';
      // Others than these keep the backslash, as expressions need it.
      word = (word ?? '') + (/[\s"'#\\]/.test(next) ? next : `\\${next}`);
    } else if (character === '"' || character === "'") {
      const end = closingQuote(raw, at);
      if (end < 0) throw new SourceMistake('a quote is not closed', line);
      const inner = raw.slice(at + 1, end);
      word = (word ?? '') + (character === '"' ? inner.replace(/\\(["\\$])/g, '$1') : inner);
      at = end;
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === '#' && word === null) {
      break;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

function closingQuote(raw: string, start: number): number {
  const quote = raw[start];
  for (let at = start + 1; at < raw.length; at++) {
    if (raw[at] === '\\' && quote === '"') at++;
    else if (raw[at] === quote) return at;
  }
  return -1;
}
