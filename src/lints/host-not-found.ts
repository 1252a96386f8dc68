import type { Word } from '../../grammar/syntax-tree.js';
import { parseAddress } from '../config/address.js';
import { nearest } from '../diagnostics/nearest.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { passesIn, upstreamOf } from './engine/pass.js';

/** In ms: what has not answered by then is not judged. */
const PATIENCE = 2000;

export default defineLint({
  code: 'host-not-found',
  severity: 'warning',
  on: 'proxy_pass upstream',
  story:
    'The name of a host in `proxy_pass` or in an `upstream` is unknown to this machine now. Such names are looked up at start, and nginx does not start without an address for each of them. tsproxy starts, and looks those names up again until they have one; up to then the server gets no requests, and where there is no other, clients get 502. Where a name may come and go, use `resolve` in an `upstream`, or a variable in `proxy_pass`, with a `resolver`.',
  async probe(c) {
    const names = namesIn(c);
    if (names.size === 0) return;
    const { lookup } = await import('node:dns/promises');
    const searches = [...names].map(async ([host, { at, said }]) => {
      try {
        await lookup(Buffer.from(host, 'latin1').toString('utf8'));
        return null;
      } catch {
        return () =>
          c.report(at, `host not found in upstream "${said}"`, {
            help: `${meantUpstream(c, said)}"${host}" has no address on this machine now. tsproxy starts all the same and looks it up again until it has one; nginx does not start`,
          });
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, PATIENCE, null);
    });
    const found = await Promise.all(searches.map((search) => Promise.race([search, late])));
    clearTimeout(timer);
    for (const report of found) report?.();
  },
});

/** An `upstream` whose name is nearly the same, as a question with its space. */
function meantUpstream(c: LintContext, said: string): string {
  const names = c.scopes('upstream').flatMap(({ opener }) => opener?.args[0]?.text ?? []);
  const [meant] = nearest(said, names);
  return meant === undefined ? '' : `did you mean the upstream "${meant}"? `;
}

/** A place where a name stands, and how nginx speaks of it there. */
interface Name {
  readonly at: Word;
  readonly said: string;
}

/** The names that are looked up at start, each with its first place. */
function namesIn(c: LintContext): Map<string, Name> {
  const names = new Map<string, Name>();
  const misspelt = misspeltUpstreams(c);
  const add = (at: Word, text: string, said: string): void => {
    const address = parseAddress(text, { defaultPort: 80, uri: true });
    // The machine itself has always an address.
    if ('mistake' in address || address.family !== 'name' || /^localhost\.?$/i.test(address.host)) return;
    if (!names.has(address.host)) names.set(address.host, { at, said });
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
      // Those are looked up again and again, and may be unknown at first.
      if (word !== undefined && !args.some(({ text }) => text === 'resolve')) add(word, word.text, word.text);
    }
  }
  return names;
}

/** The names of blocks that an unknown directive opens at http level: one of them may be meant for an upstream. */
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
