/** The lines of an answer's head as it stands at a moment, and how two of those differ. */
import type { Exchange } from '../exchange/exchange.js';

/** Field lines without line breaks, and the status in front. */
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

/** The field lines of a head's text, without the line that begins it; its status as `Status: 200` where it is an answer's. */
export function linesOfHead(head: string): string[] {
  const [first = '', ...rest] = linesOf(head);
  const status = /^HTTP\/\S+ (\d+)/.exec(first)?.[1];
  return status === undefined ? rest : [`Status: ${status}`, ...rest];
}

/** The lines of `a` that are not in `b`, each as often as it is missing there. */
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
