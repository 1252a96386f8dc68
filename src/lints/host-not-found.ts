import type { Word } from '../../grammar/syntax-tree.js';
import { parseAddress } from '../config/address.js';
import { toText } from '../diagnostics/byte-string.js';
import { nearest } from '../diagnostics/nearest.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn, upstreamOf } from './engine/pass.js';

/** In ms. A lookup that takes longer is not reported. */
const LOOKUP_TIMEOUT = 2000;

export default defineLint({
  code: 'host-not-found',
  severity: 'warning',
  on: 'proxy_pass upstream',
  story:
    'A host name in `proxy_pass` or in an `upstream` cannot be resolved on this machine at the moment. Such names are resolved at startup, and nginx does not start if one of them has no address. tsproxy starts and keeps retrying; until the name resolves, the server gets no requests, and if there is no other server, clients get 502. For names that come and go, use `resolve` in an `upstream`, or a variable in `proxy_pass`, with a `resolver`.',
  async probe(c) {
    const names = namesIn(c);
    if (names.size === 0) return;
    const { lookup } = await import('node:dns/promises');
    const searches = [...names].map(async ([host, { at, displayed }]) => {
      try {
        await lookup(toText(host));
        return null;
      } catch {
        return () =>
          c.report(at, `host not found in upstream "${displayed}"`, {
            help: `${suggestion(c, displayed)}"${host}" has no address on this machine at the moment. tsproxy starts anyway and keeps retrying; nginx does not start`,
          });
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, LOOKUP_TIMEOUT, null);
    });
    const found = await Promise.all(searches.map((search) => Promise.race([search, late])));
    clearTimeout(timer);
    for (const report of found) report?.();
  },
});

/** Question that suggests an `upstream` with a similar name, with a trailing space; empty if there is none. */
function suggestion(c: LintContext, displayed: string): string {
  const names = c.scopes('upstream').flatMap(({ opener }) => opener?.args[0]?.text ?? []);
  const [meant] = nearest(displayed, names);
  return meant === undefined ? '' : `did you mean the upstream "${meant}"? `;
}

/** An occurrence of a host name, and the form in which nginx's message shows it. */
interface Name {
  readonly at: Word;
  readonly displayed: string;
}

/** The names that are resolved at startup, each with its first occurrence. */
function namesIn(c: LintContext): Map<string, Name> {
  const names = new Map<string, Name>();
  const misspelt = misspeltUpstreams(c);
  const add = (at: Word, text: string, displayed: string): void => {
    const address = parseAddress(text, { defaultPort: 80, uri: true });
    // localhost always has an address.
    if ('mistake' in address || address.family !== 'name' || /^localhost\.?$/i.test(address.host)) return;
    if (!names.has(address.host)) names.set(address.host, { at, displayed });
  };
  for (const { statement, word, authority, host } of passesIn(c.main)) {
    if (statement.name.text !== 'proxy_pass' || word.text.includes('$') || upstreamOf(c.main, host) !== undefined)
      continue;
    if (misspelt.has(host)) continue;
    add(word, authority, host);
  }
  for (const upstream of c.scopes('upstream')) {
    for (const { args } of upstream.own('server')) {
      const [word] = args;
      // With `resolve`, names are resolved repeatedly and may be unknown at first.
      if (word !== undefined && !args.some(({ text }) => text === 'resolve')) add(word, word.text, word.text);
    }
  }
  return names;
}

/** The names of blocks opened by an unknown directive at http level, which may be a misspelt `upstream`. */
function misspeltUpstreams(c: LintContext): Set<string> {
  const unknown = c.findings.filter(({ code }) => code === 'unknown-directive');
  if (unknown.length === 0) return new Set();
  const isUnknown = (word: Word) => unknown.some(({ at }) => at?.source === word.source && at.start === word.start);
  return new Set(
    c.main.children
      .flatMap(({ statements }) => statements)
      .flatMap(({ name, args: [first], block }) => (first && block && isUnknown(name) ? [first.text] : [])),
  );
}
