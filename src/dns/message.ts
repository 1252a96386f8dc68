/** DNS messages (RFC 1035 4): queries, and responses with the checks and in the words of nginx. */
import { canonicalIp } from '../config/address.js';
import { asciiLowerCase } from '../net/ascii-case.js';

export const A = 1;
export const AAAA = 28;
export const SRV = 33;
const CNAME = 5;
const DNAME = 39;

/** Types of the questions that are asked. */
export type QuestionType = typeof A | typeof AAAA | typeof SRV;

/** Response codes (RFC 1035 4.1.1). */
export const FORMAT_ERROR = 1;
export const HOST_NOT_FOUND = 3;
const REFUSED = 5;

const HEAD_LENGTH = 12;
/** Type, class, TTL and length of a record. */
const RECORD_LENGTH = 10;
const INTERNET = 1;
const MAX_LABEL = 63;
/** Length of a name with the length of each label, and the final 0. */
const MAX_NAME = 255;
/** Labels and pointers followed in one name: enough for 255 bytes, whatever the compression. */
const MAX_STEPS = 128;

const IS_RESPONSE = 0x8000;
/** QR, opcode, and the reserved bits except AD and CD, as checked by nginx. */
const KIND_BITS = 0xf870;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;

/** A response that is ignored; the message is nginx's log line. */
export class InvalidResponse extends Error {}

/** A response with a code after which the query is still pending, as in nginx. */
export class DnsError extends InvalidResponse {
  constructor(
    readonly code: number,
    readonly id: number,
    query: string,
  ) {
    super(`DNS error (${code}: ${errorText(code)}), ${query}`);
  }
}

/** A response to one question. Names are lower-case byte strings without the final dot. */
export interface Response {
  readonly id: number;
  /** 0 or an error of RFC 1035 4.1.1. */
  readonly code: number;
  readonly truncated: boolean;
  readonly name: string;
  readonly type: QuestionType;
  /** Number of answer records. */
  readonly count: number;
  /** Offset of the first answer record. */
  readonly start: number;
}

/** A service record (RFC 2782). */
export interface ServiceRecord {
  readonly target: string;
  readonly port: number;
  readonly weight: number;
  readonly priority: number;
}

/** Answer records of a response. */
export interface Answer {
  /** Addresses of the type in question, in canonical form. */
  readonly addresses: readonly string[];
  readonly services: readonly ServiceRecord[];
  /** If there are neither: target of the last CNAME, or the one that a DNAME implies; null without these. */
  readonly alias: string | null;
  /** Smallest TTL of all records, in seconds. */
  readonly ttl: number;
}

/** Returns a query without an id, or null if the name cannot be a domain name. */
export function encodeQuery(name: string, type: QuestionType): Buffer | null {
  const labels = name.split('.');
  if (labels.some(({ length }) => length === 0 || length > MAX_LABEL) || name.length + 2 > MAX_NAME) return null;
  const query = Buffer.alloc(HEAD_LENGTH + name.length + 2 + 4);
  query.writeUInt16BE(RECURSION_DESIRED, 2);
  query.writeUInt16BE(1, 4);
  let at = HEAD_LENGTH;
  for (const label of labels) {
    at = query.writeUInt8(label.length, at);
    at += query.latin1Write(label, at);
  }
  query.writeUInt16BE(type, at + 1);
  query.writeUInt16BE(INTERNET, at + 3);
  return query;
}

/** Parses head and question. `describe` returns the name that was queried with an id, for log lines. Throws InvalidResponse. */
export function readResponse(
  message: Buffer,
  overTcp: boolean,
  describe: (id: number) => string | undefined,
): Response {
  if (message.length < HEAD_LENGTH) throw new InvalidResponse('short DNS response');
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  const truncated = (flags & TRUNCATED) !== 0;
  if ((flags & KIND_BITS) !== IS_RESPONSE || (truncated && overTcp)) {
    const digits = flags.toString(16).toUpperCase().padStart(4, '0');
    throw new InvalidResponse(`invalid ${overTcp ? 'TCP' : 'UDP'} DNS response ${id} fl:${digits}`);
  }
  const code = flags & 0xf;
  if (code === FORMAT_ERROR || code > REFUSED) {
    const name = code === FORMAT_ERROR ? describe(id) : undefined;
    const query = `query id:${id}${name === undefined ? '' : `, name:"${name}"`}`;
    throw new DnsError(code, id, query);
  }
  if (message.readUInt16BE(4) !== 1) throw new InvalidResponse('invalid number of questions in DNS response');
  const { name, end } = readQuestionName(message);
  const count = message.readUInt16BE(6);
  if (end + 4 + count * (2 + RECORD_LENGTH) > message.length) throw new InvalidResponse('short DNS response');
  const type = message.readUInt16BE(end);
  const recordClass = message.readUInt16BE(end + 2);
  if (recordClass !== INTERNET) throw new InvalidResponse(`unknown query class ${recordClass} in DNS response`);
  if (type !== A && type !== AAAA && type !== SRV) {
    throw new InvalidResponse(`unknown query type ${type} in DNS response`);
  }
  return { id, code, truncated, name, type, count, start: end + 4 };
}

/** Parses the answer records of a response. `note` receives log lines about ignored records. Throws InvalidResponse. */
export function readAnswer(message: Buffer, response: Response, note: (text: string) => void): Answer {
  const addresses: string[] = [];
  const services: ServiceRecord[] = [];
  /** Offsets of the target of a CNAME, and of the owner of a DNAME and its target. */
  let cname = 0;
  let dname: readonly [number, number] | null = null;
  let ttl = Number.POSITIVE_INFINITY;
  let at = response.start;
  for (let i = 0; i < response.count; i++) {
    const owner = at;
    at = endOfName(message, at);
    if (at + RECORD_LENGTH >= message.length) throw new InvalidResponse('short DNS response');
    const type = message.readUInt16BE(at);
    const recordClass = message.readUInt16BE(at + 2);
    if (recordClass !== INTERNET) throw new InvalidResponse(`unexpected RR class ${recordClass} in DNS response`);
    // Negative values count as 0 (RFC 2181 8).
    ttl = Math.min(ttl, Math.max(message.readInt32BE(at + 4), 0));
    const length = message.readUInt16BE(at + 8);
    at += RECORD_LENGTH;
    if (type === A || type === AAAA) addresses.push(readAddress(message, at, length, type, response.type));
    else if (type === SRV && response.type === SRV) services.push(readService(message, at));
    else if (type === CNAME) cname = at;
    else if (type === DNAME) dname = [owner, at];
    else note(`unexpected RR type ${type} in DNS response`);
    at += length;
  }
  // Names that are not needed are not decoded: they may be invalid.
  const direct = addresses.length > 0 || services.length > 0;
  const alias = direct
    ? null
    : cname > 0
      ? readName(message, cname)
      : dname && substituted(message, response.name, dname);
  return { addresses, services, alias, ttl };
}

/** nginx's text of a response code, or of the timeout (110). */
export function errorText(code: number): string {
  if (code === 110) return 'Operation timed out';
  const texts = ['Format error', 'Server failure', 'Host not found', 'Unimplemented', 'Operation refused'];
  return texts[code - 1] ?? 'Unknown error';
}

function readAddress(message: Buffer, at: number, length: number, type: number, asked: QuestionType): string {
  const text = type === A ? 'A' : 'AAAA';
  if (type !== asked) throw new InvalidResponse(`unexpected ${text} record in DNS response`);
  if (length !== (type === A ? 4 : 16)) throw new InvalidResponse(`invalid ${text} record in DNS response`);
  if (at + length > message.length) throw new InvalidResponse('short DNS response');
  if (type === A) return message.subarray(at, at + 4).join('.');
  const groups: string[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push(message.readUInt16BE(i).toString(16));
  const address = groups.join(':');
  return canonicalIp(address) ?? address;
}

function readService(message: Buffer, at: number): ServiceRecord {
  if (at + 6 >= message.length) throw new InvalidResponse('short DNS response');
  return {
    priority: message.readUInt16BE(at),
    weight: message.readUInt16BE(at + 2),
    port: message.readUInt16BE(at + 4),
    target: readName(message, at + 6),
  };
}

/** Name that a DNAME record implies (RFC 6672 2.2); null if the record is about another name, or the result too long. */
function substituted(message: Buffer, name: string, [ownerAt, targetAt]: readonly [number, number]): string | null {
  const owner = readName(message, ownerAt);
  if (!name.endsWith(`.${owner}`)) return null;
  const result = name.slice(0, name.length - owner.length) + readName(message, targetAt);
  return result.length + 2 > MAX_NAME ? null : result;
}

/** The name in question; not compressed. */
function readQuestionName(message: Buffer): { name: string; end: number } {
  let at = HEAD_LENGTH;
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined) throw new InvalidResponse('short DNS response');
    if (length > MAX_LABEL) throw new InvalidResponse('unexpected compression pointer in DNS response');
    at += 1 + length;
  }
  if (at === HEAD_LENGTH) throw new InvalidResponse('zero-length domain name in DNS response');
  if (at + 1 - HEAD_LENGTH > MAX_NAME) throw new InvalidResponse('invalid name in DNS response');
  return { name: readName(message, HEAD_LENGTH), end: at + 1 };
}

/** Offset after a name, whose pointer is not followed. */
function endOfName(message: Buffer, start: number): number {
  let at = start;
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined) throw new InvalidResponse('short DNS response');
    if (length > MAX_LABEL) return at + 2;
    at += 1 + length;
  }
  if (at === start) throw new InvalidResponse('invalid name in DNS response');
  return at + 1;
}

/** Decompresses a name (RFC 1035 4.1.4), in lower case. */
function readName(message: Buffer, start: number): string {
  const labels: string[] = [];
  let size = 1;
  let at = start;
  for (let step = 0; step < MAX_STEPS; step++) {
    const length = message[at];
    if (length === undefined) throw new InvalidResponse('name is out of DNS response');
    if (length === 0) return labels.join('.');
    if (length > MAX_LABEL) {
      if (length < 0xc0) throw new InvalidResponse('invalid label type in DNS response');
      const low = message[at + 1];
      if (low === undefined) throw new InvalidResponse('name is out of DNS response');
      at = ((length & 0x3f) << 8) | low;
      continue;
    }
    size += 1 + length;
    if (at + 1 + length > message.length) throw new InvalidResponse('name is out of DNS response');
    if (size > MAX_NAME) throw new InvalidResponse('invalid name in DNS response');
    // A dot in a label would be taken for the end of a label.
    const label = message.latin1Slice(at + 1, at + 1 + length);
    if (label.includes('.')) throw new InvalidResponse('invalid name in DNS response');
    labels.push(asciiLowerCase(label));
    at += 1 + length;
  }
  throw new InvalidResponse('compression pointers loop in DNS response');
}
