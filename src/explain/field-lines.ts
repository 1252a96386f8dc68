/** Field lines of a response head at a given moment, and differences between two of them. */
import type { Exchange } from '../program/exchange.js';

/** Status line and field lines, without line breaks. */
export function fieldLines(x: Exchange): string[] {
  const { response } = x;
  const lines = [`Status: ${response.status}`];
  if (response.contentType !== null) lines.push(`Content-Type: ${response.contentType}`);
  if (response.contentLength >= 0) lines.push(`Content-Length: ${response.contentLength}`);
  if (response.lastModified !== null) lines.push(`Last-Modified: ${response.lastModified}`);
  if (response.etag !== null) lines.push(`ETag: ${response.etag}`);
  if (response.upstream !== null) lines.push(...linesOf(response.upstream.lines(response.hidden)));
  const { added } = response;
  for (let i = 0; i < added.length; i += 2) lines.push(`${added[i]}: ${added[i + 1]}`);
  return lines;
}

/** Field lines of a head without its start line; for a response the first line is its status as `Status: 200`. */
export function linesOfHead(head: string): string[] {
  const [first = '', ...rest] = linesOf(head);
  const status = /^HTTP\/\S+ (\d+)/.exec(first)?.[1];
  return status === undefined ? rest : [`Status: ${status}`, ...rest];
}

/** Multiset difference: the lines of `a` that are not in `b`. */
export function linesBetween(a: readonly string[], b: readonly string[]): string[] {
  const left = [...b];
  return a.filter((line) => {
    const i = left.indexOf(line);
    if (i >= 0) left.splice(i, 1);
    return i < 0;
  });
}

function linesOf(text: string): string[] {
  return text.split('\r\n').filter((line) => line !== '');
}
