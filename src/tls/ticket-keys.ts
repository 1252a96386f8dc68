/**
 * Keys that encrypt session tickets (RFC 5077). Generated keys are derived from a secret that all worker processes share
 * and that reloads keep. Tickets are encrypted with AES-128-CBC and authenticated with HMAC-SHA256, as in nginx.
 */
import { createHash, randomBytes } from 'node:crypto';
import type tls from 'node:tls';
import { errnoText } from '../diagnostics/errno.js';
import { contentOf, TlsFileError } from '../net/tls-files.js';
import { deriveKey, startOf } from '../program/secret.js';

/** Bytes of each part of a key, and of an initialization vector. */
const PART = 16;
/** Length of a whole key: name, HMAC key, AES key. */
export const TICKET_KEY = 3 * PART;

/** Results of the callback (SSL_CTX_set_tlsext_ticket_key_cb). */
const UNKNOWN = 0;
const ACCEPTED = 1;
const ACCEPTED_AND_RENEWED = 2;
const NO_KEY = Buffer.alloc(PART);

/** Undocumented parts of Node's context, the same in Node 20 to 26. */
interface NativeContext {
  enableTicketKeyCallback(): void;
  onticketkeycallback: (name: Buffer, iv: Buffer, encrypts: boolean) => readonly unknown[];
}

/** A set of keys, which may change in time. */
export interface TicketKeys {
  /** The key, if it never changes. */
  readonly fixed: Buffer | null;
  /** Keys at a time (ms since 1970): the first encrypts, all decrypt. */
  keys(now: number): readonly Buffer[];
}

function derived(secret: Buffer, label: string): Buffer {
  return deriveKey(secret, `ticket key ${label}`, TICKET_KEY);
}

/** One key for the life of the processes. */
export function lastingKey(secret: Buffer): TicketKeys {
  return fixedKeys([derived(secret, '')]);
}

/** Keys from files. */
export function fixedKeys(keys: readonly Buffer[]): TicketKeys {
  return { fixed: keys.length === 1 ? (keys[0] as Buffer) : null, keys: () => keys };
}

/** Keys of a shared session cache, as in nginx: a new one in each interval of `timeout` s; the previous one decrypts. */
export function rotatingKeys(secret: Buffer, zone: string, timeout: number): TicketKeys {
  const start = startOf(secret);
  let interval = Number.NaN;
  let current: readonly Buffer[] = [];
  return {
    fixed: null,
    keys: (now) => {
      const wanted = Math.floor((now - start) / (Math.max(1, timeout) * 1000));
      if (wanted !== interval) {
        interval = wanted;
        // The next one: clocks are read at slightly different times.
        current = [0, -1, 1].map((offset) => derived(secret, `${zone} ${timeout} ${wanted + offset}`));
      }
      return current;
    },
  };
}

/** Makes a context use the keys. */
export function useTicketKeys({ context }: tls.SecureContext, ticketKeys: TicketKeys): void {
  const native = context as NativeContext;
  native.enableTicketKeyCallback();
  native.onticketkeycallback = (name, _iv, encrypts) => {
    const keys = ticketKeys.keys(Date.now());
    const index = encrypts ? 0 : keys.findIndex((key) => name.equals(key.subarray(0, PART)));
    const key = keys[index];
    if (key === undefined) return [UNKNOWN, NO_KEY, NO_KEY];
    const [own, hmac, aes] = [0, 1, 2].map((part) => key.subarray(part * PART, (part + 1) * PART));
    if (encrypts) return [ACCEPTED, hmac, aes, own, randomBytes(PART)];
    return [index === 0 ? ACCEPTED : ACCEPTED_AND_RENEWED, hmac, aes];
  };
}

/** Reads a key file of `ssl_session_ticket_key`. Throws TlsFileError with nginx's message. */
export function loadTicketKey(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(contentOf(path), 'latin1');
  } catch (error) {
    throw new TlsFileError(`open() "${path}" failed (${errnoText(error)})`);
  }
  // nginx's order is name, AES key, HMAC key.
  if (bytes.length === TICKET_KEY) {
    return Buffer.concat([bytes.subarray(0, PART), bytes.subarray(2 * PART), bytes.subarray(PART, 2 * PART)]);
  }
  // Node's tickets have keys of 128 bits.
  if (bytes.length === 80) return createHash('sha384').update(bytes).digest();
  throw new TlsFileError(`"${path}" must be 48 or 80 bytes`);
}
