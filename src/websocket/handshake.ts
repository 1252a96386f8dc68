/** The opening handshake of WebSockets (RFC 6455, 4), and the upgrade of HTTP/1.1 (RFC 9110, 7.8) on which it is based. */
import { createHash } from 'node:crypto';
import type { FieldTest, HeaderBlock } from '../http/header-block.js';

/** Appended to the key of a request before it is hashed (RFC 6455, 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The only version of the protocol (RFC 6455, 4.1). */
export const WEBSOCKET_VERSION = '13';

/** 16 bytes in base64. The last character before the padding has two bits only. */
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

/** Members of a comma-separated list, in the order sent, without empty ones. */
export function membersOf(value: string): string[] {
  const members: string[] = [];
  for (const member of value.split(',')) {
    const text = member.trim();
    if (text !== '') members.push(text);
  }
  return members;
}

/** Whether a comma-separated list has a member; case-insensitive. `lower`: the member in lower case. */
export function hasMember(value: string | undefined, lower: string): boolean {
  return value !== undefined && membersOf(value).some((member) => member.toLowerCase() === lower);
}

/** Whether the fields ask for a WebSocket: `websocket` is among the protocols of `Upgrade` (RFC 6455, 4.2.1). */
export function namesWebSocket(headers: HeaderBlock): boolean {
  return hasMember(headers.joined('upgrade'), 'websocket');
}

/** Protocols of `Upgrade` in a request; none if `Connection` does not list `upgrade`, which makes it void (RFC 9110, 7.8). */
export function requestedProtocols(headers: HeaderBlock): string[] {
  const value = headers.joined('upgrade');
  if (value === undefined || !hasMember(headers.joined('connection'), 'upgrade')) return [];
  return membersOf(value);
}

/** Response to an invalid handshake. */
export interface HandshakeRefusal {
  readonly status: 400 | 426;
  readonly reason: string;
}

/** Checks the handshake of a client (RFC 6455, 4.2.1); null if it is valid. */
export function checkRequest(method: string, headers: HeaderBlock): HandshakeRefusal | null {
  if (method !== 'GET') return { status: 400, reason: `the method is ${method}, not GET` };
  const versions = headers.all('sec-websocket-version');
  if (versions.length !== 1 || versions[0] !== WEBSOCKET_VERSION) {
    const reason =
      versions.length === 0 ? 'no "Sec-WebSocket-Version"' : `"Sec-WebSocket-Version" is "${versions.join(', ')}"`;
    return { status: 426, reason };
  }
  const [key, ...more] = headers.all('sec-websocket-key');
  if (key === undefined) return { status: 400, reason: 'no "Sec-WebSocket-Key"' };
  if (more.length > 0) return { status: 400, reason: 'more than one "Sec-WebSocket-Key"' };
  return KEY.test(key) ? null : { status: 400, reason: '"Sec-WebSocket-Key" is not 16 bytes in base64' };
}

/** Value of `Sec-WebSocket-Accept` for a key (RFC 6455, 4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`, 'latin1').digest('base64');
}

/**
 * Checks the 101 response to a handshake against its request, as a client does (RFC 6455, 4.1). Returns the first error;
 * null if the response is valid. `hidden`: fields that the client does not receive.
 */
export function checkResponse(request: HeaderBlock, response: HeaderBlock, hidden: FieldTest | null): string | null {
  if (!hasMember(response.joined('upgrade'), 'websocket')) return describe('Upgrade', response, 'is not "websocket"');
  if (!hasMember(response.joined('connection'), 'upgrade')) {
    return describe('Connection', response, 'does not contain "upgrade"');
  }
  const accept = acceptOf(request.get('sec-websocket-key') ?? '');
  const accepts = response.all('sec-websocket-accept');
  if (accepts.length !== 1 || accepts[0] !== accept) {
    return describe('Sec-WebSocket-Accept', response, 'does not match the key');
  }
  return checkProtocol(request, response, hidden) ?? checkExtensions(request, response, hidden);
}

function describe(name: string, response: HeaderBlock, error: string): string {
  const value = response.joined(name.toLowerCase());
  return value === undefined ? `no "${name}"` : `"${name}: ${value}" ${error}`;
}

function checkProtocol(request: HeaderBlock, response: HeaderBlock, hidden: FieldTest | null): string | null {
  const [chosen, ...more] = membersOf(sent(response, 'sec-websocket-protocol', hidden));
  if (chosen === undefined) return null;
  if (more.length > 0) return describe('Sec-WebSocket-Protocol', response, 'names more than one subprotocol');
  // Names of subprotocols are case-sensitive.
  const offered = membersOf(request.joined('sec-websocket-protocol') ?? '');
  if (offered.includes(chosen)) return null;
  return describe('Sec-WebSocket-Protocol', response, 'was not offered by the client');
}

function checkExtensions(request: HeaderBlock, response: HeaderBlock, hidden: FieldTest | null): string | null {
  const chosen = extensionsOf(sent(response, 'sec-websocket-extensions', hidden));
  if (chosen.length === 0) return null;
  const offered = new Set(extensionsOf(request.joined('sec-websocket-extensions') ?? '').map(extensionName));
  const unknown = chosen.find((extension) => !offered.has(extensionName(extension)));
  if (unknown === undefined) return null;
  return `"Sec-WebSocket-Extensions" names "${extensionName(unknown)}", which the client has not offered`;
}

/** Extensions of a value; their parameters may be quoted, with commas in them (RFC 6455, 9.1). */
function extensionsOf(value: string): string[] {
  return membersOf(value.replace(/"(?:[^"\\]|\\.)*"/g, ''));
}

/** Name of an extension without its parameters. */
function extensionName(extension: string): string {
  return (/^[^;\s]*/.exec(extension)?.[0] ?? '').toLowerCase();
}

/** Values of a field of the response that the client receives, joined. */
function sent(response: HeaderBlock, lower: string, hidden: FieldTest | null): string {
  let value = '';
  for (let i = response.find(lower); i >= 0; i = response.find(lower, i + 1)) {
    if (hidden?.matches(response, i) !== true) value += `${response.value(i)},`;
  }
  return value;
}

const UPGRADE_LINE = /^Upgrade:([^\r\n]*)/im;
const CONNECTION_LINE = /^Connection:([^\r\n]*)/im;

/** Parts of a WebSocket handshake that a request head lacks. */
export interface MissingParts {
  /** The request is HTTP/1.0, which has no upgrade. */
  readonly version: boolean;
  readonly upgrade: boolean;
  readonly connection: boolean;
}

/** Examines the head of a request that is sent to a server; null if it asks for a WebSocket. */
export function missingInRequest(head: string): MissingParts | null {
  const version = head.startsWith(' HTTP/1.0\r', head.indexOf(' ', head.indexOf(' ') + 1));
  const upgrade = !hasMember(UPGRADE_LINE.exec(head)?.[1], 'websocket');
  const connection = !hasMember(CONNECTION_LINE.exec(head)?.[1], 'upgrade');
  return version || upgrade || connection ? { version, upgrade, connection } : null;
}
