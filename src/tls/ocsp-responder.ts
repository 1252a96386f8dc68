/**
 * Requests to OCSP responders over HTTP (RFC 6960 A.1), as nginx sends them: GET in HTTP/1.0, one connection per
 * address until one responds. Log lines are nginx's.
 */
import net from 'node:net';
import { canonicalIp, formatAddress, parseAddress } from '../config/address.js';
import { errnoText } from '../diagnostics/errno.js';
import type { ErrorLog } from '../logging/error-log.js';
import type { NameResolver } from '../program/name-resolver.js';
import { HostNotFound, lookupHost } from '../upstream/host-lookup.js';

/** A responder's address. Byte strings. */
export interface Responder {
  readonly host: string;
  readonly port: number;
  /** Path, with a slash at its beginning. */
  readonly uri: string;
}

/** Settings of the server that sends a request. */
export interface OcspConnections {
  /** `resolver`, and `resolver_timeout` in ms. */
  readonly resolver: { readonly resolver: NameResolver | null; readonly timeout: number };
  readonly errorLog: ErrorLog;
}

/** Time for a response of one address, ms; nginx's. */
const RESPONSE_TIMEOUT = 60_000;
/** Maximum length of a response with its head, bytes; nginx's. */
const MAX_RESPONSE = 16_384;
const MEDIA_TYPE = 'application/ocsp-response';

/** Parses the URL of a responder; a mistake is in nginx's words, for a text in which the URL follows. */
export function parseResponder(url: string): Responder | { readonly mistake: string; readonly shown: string } {
  if (!/^http:\/\/./is.test(url)) return { mistake: 'invalid URL prefix', shown: url };
  const rest = url.slice('http://'.length);
  const parsed = parseAddress(rest, { defaultPort: 80, uri: true });
  if ('mistake' in parsed) return { mistake: parsed.mistake, shown: rest };
  if (parsed.family === 'unix') return { mistake: 'invalid host', shown: rest };
  // No byte of a certificate may end the line of the request.
  if (/[^!-~]/.test(rest)) return { mistake: 'invalid host', shown: rest };
  const { host, port, uri } = parsed;
  return { host, port, uri: uri.startsWith('/') ? uri : `/${uri}` };
}

/** Failure of one attempt; the message is nginx's, empty if there is nothing to log. */
class AttemptFailed extends Error {}

/**
 * Requests a status. Returns the responder's message, or null after a failure, which was logged.
 *
 * @param certificate name of the certificate for log lines; empty: none
 */
export async function requestStatus(
  responder: Responder,
  message: Buffer,
  certificate: string,
  { resolver, errorLog }: OcspConnections,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const log = (level: 'warn' | 'error', text: string, peer = ''): void => {
    if (text === '' || signal.aborted) return;
    const parts = [`${text} while requesting certificate status, responder: ${responder.host}`];
    if (peer !== '') parts.push(`peer: ${peer}`);
    if (certificate !== '') parts.push(`certificate: "${certificate}"`);
    errorLog.write(level, parts.join(', '));
  };
  const addresses = await addressesOf(responder, resolver, log, signal);
  const request = requestOf(responder, message);
  for (const host of addresses) {
    if (signal.aborted) return null;
    try {
      return await exchange(host, responder.port, request, signal);
    } catch (error) {
      if (!(error instanceof AttemptFailed)) throw error;
      log('error', error.message, formatAddress({ host, port: responder.port }));
    }
  }
  return null;
}

async function addressesOf(
  { host }: Responder,
  { resolver, timeout }: OcspConnections['resolver'],
  log: (level: 'warn' | 'error', text: string) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ip = canonicalIp(host);
  if (ip !== null) return [ip];
  try {
    if (resolver !== null) return (await resolver.resolve(host, timeout, signal)).addresses;
    log('warn', `no resolver defined to resolve ${host}`);
    return await lookupHost(host);
  } catch (error) {
    log('error', error instanceof HostNotFound ? `host not found in OCSP responder "${host}"` : errorText(error));
    return [];
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

function requestOf({ host, uri }: Responder, message: Buffer): string {
  const path = uri.endsWith('/') ? uri : `${uri}/`;
  const name = host.includes(':') ? `[${host}]` : host;
  return `GET ${path}${encodeURIComponent(message.toString('base64'))} HTTP/1.0\r\nHost: ${name}\r\n\r\n`;
}

/** Sends a request to an address. Rejects with AttemptFailed. */
function exchange(host: string, port: number, request: string, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, signal });
    // A process that ends does not wait for it.
    socket.unref();
    let received = Buffer.alloc(0);
    let connected = false;
    const fail = (message: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new AttemptFailed(message));
    };
    const timer = setTimeout(() => fail('OCSP responder timed out (110: Connection timed out)'), RESPONSE_TIMEOUT);
    timer.unref();
    const proceed = (ended: boolean): void => {
      const result = responseIn(received, ended);
      if (result === null) return;
      if (typeof result === 'string') fail(result);
      else {
        clearTimeout(timer);
        socket.destroy();
        resolve(result);
      }
    };
    socket.on('connect', () => {
      connected = true;
      socket.write(request, 'latin1');
    });
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length > MAX_RESPONSE) fail('OCSP responder sent too big response');
      else proceed(false);
    });
    socket.on('end', () => proceed(true));
    socket.on('error', (error) => fail(`${connected ? 'recv' : 'connect'}() failed (${errnoText(error)})`));
    socket.on('close', () => fail('OCSP responder prematurely closed connection'));
  });
}

/** The body of a response; null: incomplete; text: nginx's message of an error, empty if there is none. */
export function responseIn(received: Buffer, ended: boolean): Buffer | string | null {
  const text = received.latin1Slice();
  const end = /\r?\n\r?\n/.exec(text);
  if (!'HTTP/'.startsWith(text.slice(0, 5))) return 'OCSP responder sent invalid response';
  if (end === null) return ended ? 'OCSP responder prematurely closed connection' : null;
  const [line = '', ...fields] = text.slice(0, end.index).split(/\r?\n/);
  const code = /^HTTP\/[1-9]\d*\.\d+ +(\d{3})(?:[ .]|$)/.exec(line)?.[1];
  if (code === undefined) return 'OCSP responder sent invalid response';
  let length: number | null = null;
  for (const field of fields) {
    const [, name = '', padded = ''] = /^([a-z\d][a-z\d-]*)(?::([^\r]*))?$/i.exec(field) ?? [];
    const lower = name.toLowerCase();
    const value = withoutSpaces(padded);
    if (lower === '') return 'OCSP responder sent invalid response';
    if (lower === 'content-type' && value.toLowerCase() !== MEDIA_TYPE) {
      return `OCSP responder sent invalid "Content-Type" header: "${value}"`;
    }
    if (lower === 'content-length' && /^\d{1,9}$/.test(value)) length = Number(value);
  }
  if (code !== '200') return `OCSP responder sent status ${code}`;
  const body = received.subarray(end.index + end[0].length);
  if (length !== null && body.length >= length) return body.subarray(0, length);
  if (!ended) return null;
  return length === null ? body : 'OCSP responder prematurely closed connection';
}

/** Removes spaces at both ends; in linear time, because the text is untrusted. */
function withoutSpaces(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && text[start] === ' ') start++;
  while (end > start && text[end - 1] === ' ') end--;
  return text.slice(start, end);
}
