import type { Span } from '../../grammar/syntax-tree.js';
import type { Expression } from '../config/pcre/expression.js';
import { subjectOf } from './engine/captures.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { patternsOf, type WrittenPattern } from './engine/patterns.js';
import { expressionOf, treeOf } from './engine/regex.js';
import { sampleOf } from './engine/sample.js';

export default defineLint({
  code: 'origin-regex',
  severity: 'warning',
  on: 'if map',
  story:
    'An expression that is meant to match known origins also matches foreign ones. Without `^` it also matches `https://evil-example.com`, without `$` `https://example.com.evil.net`, and an unescaped `.` matches any character. With a slash after the host no origin matches, because origins have no path. Match the whole origin: `^https://(www\\.)?example\\.com$`. A `map` that lists the origins is simpler.',
  check(c) {
    for (const pattern of patternsOf(c)) {
      if (pattern.directive !== 'if' && pattern.directive !== 'map') continue;
      const subject = subjectOf(pattern);
      // Referer expressions are checked only if they grant access: lists of blocked referers are loose on purpose.
      const grants = pattern.directive === 'if' && pattern.statement.args.some(({ text }) => text.startsWith('!~'));
      if (subject === 'http_origin' || (subject === 'http_referer' && grants))
        checkPattern(c, pattern, pattern.at, subject);
    }
  },
});

function checkPattern(c: LintContext, { text, caseless }: WrittenPattern, at: Span, subject: string): void {
  const tree = treeOf(text, caseless);
  const expression = tree === null ? null : expressionOf(text, caseless);
  if (tree === null || expression === null) return;
  const kind = subject === 'http_origin' ? 'origin' : 'referer';
  const path = kind === 'referer' ? '/' : '';
  const hosts = hostsIn(text);
  for (const host of hosts) {
    const [example] = ['https://', 'http://']
      .flatMap((scheme) => [
        `${scheme}${host}.evil.net${path}`,
        `${scheme}www.${host}.evil.net${path}`,
        `${scheme}evil${host}${path}`,
        `${scheme}evil.net/?${scheme}${host}/`,
      ])
      .filter((candidate) => (kind === 'referer' || !candidate.includes('?')) && expression.test(candidate));
    if (!matchesHost(expression, host + path)) {
      if (kind === 'referer' || !matchesHost(expression, `${host}/`)) continue;
      c.report(at, `the origin "https://${host}" does not match, only one followed by "/", which no browser sends`, {
        help: 'an origin is scheme, host and port (RFC 6454); end the expression with "$" instead of "/"',
      });
      return;
    }
    if (example !== undefined) {
      c.report(at, `the ${kind} "${example}" matches as well`, {
        help: 'begin the expression with "^https?://", end the host with "$" (for a referer "(/|$)"), and write "\\." for a dot',
      });
      return;
    }
    const loose = looseDot(text, expression, host, path);
    if (loose !== null) {
      c.report(at, `the ${kind} "${loose}" matches as well`, {
        severity: 'hint',
        help: 'an unescaped "." matches any character; write "\\."',
      });
      return;
    }
  }
  if (kind === 'origin' || hosts.length === 0) return;
  // A wildcard part may match the end of a foreign host and a path.
  const foreign = [0, 1, 2, 3]
    .map((branch) => sampleOf(tree.body, '.evil.net/', branch))
    .find((text) => /^https?:\/\/[^/]*\.evil\.net\//.test(text) && expression.test(text));
  if (foreign === undefined) return;
  c.report(at, `the referer "${foreign}" matches as well`, {
    help: 'the part of the expression for the host must not match "/": write "[^/]*" instead of ".*"',
  });
}

/** Whether an expression matches a host, or a subdomain of it, in an origin or a referer. */
function matchesHost(expression: Expression, hostAndPath: string): boolean {
  return ['https://', 'http://'].some((scheme) =>
    ['', 'www.', 'a.'].some((label) => expression.test(scheme + label + hostAndPath)),
  );
}

/** Host names that an expression seems to be written for: its constant parts. */
function hostsIn(text: string): string[] {
  let plain = text.replace(/\(\?(?::|<\w+>)/g, '(').replace(/\\([./-])/g, '$1');
  // Keep the first of alternatives.
  for (let before = ''; before !== plain; ) {
    before = plain;
    plain = plain.replace(/\(([^()|]*)(?:\|[^()]*)?\)\??/, '$1');
  }
  return [...plain.matchAll(/[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?![a-z0-9])/gi)].map(([host]) => host);
}

/** A matching name with another character where the expression has an unescaped dot. */
function looseDot(text: string, expression: Expression, host: string, path: string): string | null {
  if (!/(?<![\\[])\.(?=[a-z0-9])/i.test(text.replace(/\[[^\]]*\]/g, ''))) return null;
  const dots = [...host.matchAll(/\./g)].map(({ index }) => index);
  for (const dot of dots) {
    const other = `${host.slice(0, dot)}x${host.slice(dot + 1)}`;
    const found = ['https://', 'http://']
      .flatMap((scheme) => ['', 'www.', 'a.'].map((label) => `${scheme}${label}${other}${path}`))
      .find((candidate) => expression.test(candidate));
    if (found !== undefined) return found;
  }
  return null;
}
