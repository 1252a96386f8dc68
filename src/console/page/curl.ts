/** A request as a command line for curl. */
import type { HeadDetails, RequestRow } from '../feed-format.js';

/** Fields that curl sets itself. */
const OWN = new Set(['host', 'content-length', 'connection', 'transfer-encoding', 'accept-encoding']);

export function curlCommand(request: RequestRow, head: HeadDetails | null, scheme: string): string {
  const words = ['curl'];
  if (request.method === 'HEAD') words.push('--head');
  else if (request.method !== 'GET') words.push('-X', quoted(request.method));
  // The field has the port, too.
  const host = head?.fields.find(([name]) => name.toLowerCase() === 'host')?.[1] || request.host;
  const target = request.target.startsWith('/') ? `${scheme}://${host}${request.target}` : request.target;
  words.push(quoted(target));
  for (const [name, value] of head?.fields ?? []) {
    const lower = name.toLowerCase();
    if (lower === 'accept-encoding') words.push('--compressed');
    if (!OWN.has(lower)) words.push('-H', quoted(value === '' ? `${name};` : `${name}: ${value}`));
  }
  return words.join(' ');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
