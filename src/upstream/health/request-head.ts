/** Heads of health checks: those of the location, with the fields that the check determines. */
import { randomBytes } from 'node:crypto';
import { WEBSOCKET_VERSION } from '../../websocket/handshake.js';

/** `Sec-WebSocket-Key` of a handshake. */
export function newKey(): string {
  return randomBytes(16).toString('base64');
}

/** Replaces `Connection`, and `Upgrade`, of a head that the location has formatted. */
export function httpHead(head: string, keepAlive: boolean): string {
  const kept = head.replace(/^(?:Connection|Upgrade|Keep-Alive):.*\r\n/gim, '');
  const value = keepAlive ? 'keep-alive' : 'close';
  return insert(kept, `Connection: ${value}\r\n`);
}

/** Turns a head into a WebSocket handshake. */
export function handshakeHead(head: string, key: string): string {
  const kept = head
    .replace(/^(?:Connection|Upgrade|Keep-Alive|Sec-WebSocket-(?:Key|Version|Extensions)):.*\r\n/gim, '')
    .replace(/ HTTP\/1\.0\r\n/, ' HTTP/1.1\r\n');
  const fields = [
    'Upgrade: websocket',
    'Connection: upgrade',
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${WEBSOCKET_VERSION}`,
  ];
  return insert(kept, fields.map((field) => `${field}\r\n`).join(''));
}

/** Inserts field lines before the empty line. */
function insert(head: string, lines: string): string {
  return `${head.slice(0, -2)}${lines}\r\n`;
}
