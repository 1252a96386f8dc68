/** Field lines of stored responses: which are stored (RFC 9111 3.1), and their update by a 304 response (3.2). */
import { HeaderBlock } from '../http/header-block.js';

/** Fields of a connection, not of a response. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Parses stored field lines. */
export function blockOf(fields: string): HeaderBlock {
  const block = new HeaderBlock();
  block.begin(fields);
  for (let at = 0; at < fields.length; ) {
    const end = fields.indexOf('\r\n', at);
    const colon = fields.indexOf(':', at);
    if (end < 0 || colon < 0 || colon > end) break;
    let value = colon + 1;
    while (value < end && (fields[value] === ' ' || fields[value] === '\t')) value++;
    block.push(at, colon, value, end);
    at = end + 2;
  }
  return block;
}

function connectionOptions(headers: HeaderBlock): string[] {
  return (headers.joined('connection') ?? '').toLowerCase().split(/[ \t,]+/);
}

/** The lines of a response without connection fields and `without` (lower case). `age`: initial age, s; `Age` unless it is 0. */
export function fieldsToStore(headers: HeaderBlock, without: readonly string[], age: number): string {
  const omitted = new Set([...CONNECTION_FIELDS, ...connectionOptions(headers), ...without, 'age']);
  let lines = '';
  for (let i = 0; i < headers.count; i++) {
    const name = headers.name(i);
    if (!omitted.has(name.toLowerCase())) lines += `${name}: ${headers.value(i)}\r\n`;
  }
  return age > 0 ? `${lines}Age: ${age}\r\n` : lines;
}

/**
 * The lines of an entry, in which fields of a 304 response replace those of the same name, except for `Content-Length`. `age`: initial
 * age of the 304 response, s.
 */
export function updatedFields(fields: string, update: HeaderBlock, without: readonly string[], age: number): string {
  const newer = blockOf(fieldsToStore(update, [...without, 'content-length'], age));
  const replaced = new Set(['age']);
  for (let i = 0; i < newer.count; i++) replaced.add(newer.name(i).toLowerCase());
  const older = blockOf(fields);
  let lines = '';
  for (let i = 0; i < older.count; i++) {
    const name = older.name(i);
    if (!replaced.has(name.toLowerCase())) lines += `${name}: ${older.value(i)}\r\n`;
  }
  return lines + newer.lines(null);
}
