/** Order in which Caddy applies the directives of a site. */
import type { Segment } from './parser.js';

/** Caddy 2.10; directives that are not listed keep the order of the file, after all others. */
const ORDER: readonly string[] = [
  ...['tracing', 'map', 'vars', 'fs', 'root', 'log_append', 'skip_log', 'log_skip', 'log_name'],
  ...['header', 'copy_response_headers', 'request_body', 'redir', 'method', 'rewrite', 'uri', 'try_files'],
  ...['basicauth', 'basic_auth', 'forward_auth', 'request_header', 'encode', 'push', 'intercept', 'templates'],
  ...['invoke', 'handle', 'handle_path', 'route', 'abort', 'error', 'copy_response', 'respond', 'metrics'],
  ...['reverse_proxy', 'php_fastcgi', 'file_server', 'acme_server'],
];

/** Directives with the same place as another. */
const SAME: Readonly<Record<string, string>> = { basic_auth: 'basicauth', log_skip: 'skip_log' };

function rank(name: string): number {
  const index = ORDER.indexOf(SAME[name] ?? name);
  return index < 0 ? ORDER.length : index;
}

/**
 * Sorts the directives of a site or a `handle`: by their names, then those with a longer path first, and those without a
 * matcher last.
 *
 * @param pathOf the only path of a directive's matcher; null if there are several or none
 */
export function inOrder(segments: readonly Segment[], pathOf: (segment: Segment) => string | null): Segment[] {
  const hasMatcher = ({ args }: Segment): boolean => /^[@/]/.test(args[0] ?? '');
  const compare = (one: Segment, other: Segment): number => {
    const byName = rank(one.name) - rank(other.name);
    if (byName !== 0) return byName;
    // `handle` and `handle_path` are sorted together.
    const [path, otherPath] = [pathOf(one), pathOf(other)];
    const reversed = one.name === 'root' || one.name === 'vars' ? -1 : 1;
    if (path !== null && otherPath !== null) return reversed * comparePaths(path, otherPath);
    return reversed * (Number(hasMatcher(other)) - Number(hasMatcher(one)));
  };
  // `handle_path` belongs to the group of `handle`.
  const groupOf = (segment: Segment): Segment =>
    segment.name === 'handle_path' ? { ...segment, name: 'handle' } : segment;
  return [...segments].sort((one, other) => compare(groupOf(one), groupOf(other)));
}

function comparePaths(one: string, other: string): number {
  const lengthOf = (path: string): number => path.replace(/\*$/, '').length;
  const byLength = lengthOf(other) - lengthOf(one);
  return byLength !== 0 ? byLength : Number(one.endsWith('*')) - Number(other.endsWith('*'));
}
