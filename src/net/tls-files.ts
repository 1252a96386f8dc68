/**
 * Certificates, keys and revocation lists from files or from `data:` values. Files are read synchronously, as nginx reads
 * them: while a configuration is compiled, or in a handshake if names contain variables. Errors have nginx's words.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { errnoText } from '../diagnostics/errno.js';
import { isOpensslError, opensslText } from './tls-errors.js';

/** A certificate, key or list that cannot be used; the message is nginx's. */
export class TlsFileError extends Error {}

const DATA = 'data:';
const NO_START_LINE = 'error:0480006C:PEM routines::no start line';
const UNSUPPORTED_KEY = 'error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM';

/** A certificate and those that follow it in the same file. */
export interface CertificateChain {
  /** Name for messages, as written in the configuration (made absolute). */
  readonly source: string;
  /** PEM of all certificates. */
  readonly pem: string;
  /** The PEM blocks. */
  readonly blocks: readonly string[];
}

/** Contents of files by path, during `withContents`. */
let known: Map<string, string> | null = null;

/**
 * Runs `load`, which reads a file only if `contents` does not have it, and adds it there. Everything else reads files
 * anew.
 */
export function withContents<T>(contents: Map<string, string>, load: () => T): T {
  const before = known;
  known = contents;
  try {
    return load();
  } finally {
    known = before;
  }
}

/** Content of a file as a byte string. Throws the system's error. */
export function contentOf(path: string): string {
  const found = known?.get(path);
  if (found !== undefined) return found;
  const content = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
  known?.set(path, content);
  return content;
}

/** Reads a file or a `data:` value; `what` names it in the error: `certificate`, `certificate key`, `CRL`. */
function read(source: string, what: string): string {
  if (source.startsWith(DATA)) return source.slice(DATA.length);
  try {
    return contentOf(source);
  } catch (error) {
    // A directory can be opened, but has no content.
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return '';
    throw new TlsFileError(`cannot load ${what} "${source}": ${openFailed('BIO_new_file', source, error)}`);
  }
}

/** nginx's message for a file that OpenSSL cannot open: `BIO_new_file() failed (SSL: …)`. */
export function openFailed(call: string, path: string, error: unknown, mode = 'r'): string {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  const system = `error:${(0x80000000 + Math.abs(errno)).toString(16).toUpperCase()}:system library::${errnoText(error).replace(/^\d+: /, '')}`;
  const last =
    code === 'ENOENT' ? 'error:10000080:BIO routines::no such file' : 'error:10080002:BIO routines::system lib';
  return `${call}() failed (SSL: ${system}:calling fopen(${path}, ${mode}) ${last})`;
}

/** PEM blocks of one kind; `rest` is the text behind the last complete one. */
function pemBlocks(text: string, kind: RegExp): { blocks: string[]; unfinished: boolean } {
  const blocks: string[] = [];
  const begin = new RegExp(`^-----BEGIN (${kind.source})-----[^\\S\\n]*$`, 'gm');
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const end = `-----END ${match[1]}-----`;
    const at = text.indexOf(end, begin.lastIndex);
    const another = text.indexOf('-----BEGIN ', begin.lastIndex);
    if (at < 0 || (another >= 0 && another < at)) return { blocks, unfinished: true };
    blocks.push(text.slice(match.index, at + end.length));
    begin.lastIndex = at + end.length;
  }
  return { blocks, unfinished: false };
}

/**
 * Loads a certificate with its chain, or a list of trusted certificates. Throws TlsFileError.
 */
export function loadCertificates(source: string): CertificateChain {
  const text = read(source, 'certificate');
  const fail = (call: string, reason: string): never => {
    throw new TlsFileError(`cannot load certificate "${source}": ${call}() failed (SSL: ${reason})`);
  };
  const { blocks, unfinished } = pemBlocks(text, /CERTIFICATE|X509 CERTIFICATE|TRUSTED CERTIFICATE/);
  const call = (n: number): string => (n === 0 ? 'PEM_read_bio_X509_AUX' : 'PEM_read_bio_X509');
  for (const [n, block] of blocks.entries()) {
    // Node's class does not read the trust settings behind a TRUSTED CERTIFICATE; the engine does.
    if (block.startsWith('-----BEGIN TRUSTED')) continue;
    try {
      new X509Certificate(block);
    } catch (error) {
      fail(call(n), sslReason(error));
    }
  }
  if (unfinished) fail(call(blocks.length), 'error:04800066:PEM routines::bad end line');
  if (blocks.length === 0) fail(call(0), `${NO_START_LINE}:Expecting: TRUSTED CERTIFICATE`);
  return { source, pem: blocks.join('\n'), blocks };
}

function sslReason(error: unknown): string {
  const failure = error as NodeJS.ErrnoException;
  return isOpensslError(failure) ? opensslText(failure).replace(/^SSL: /, '') : failure.message;
}

/** A private key, and whether it was protected by a password. */
export interface LoadedKey {
  readonly source: string;
  readonly key: KeyObject;
  readonly encrypted: boolean;
}

/** Loads a private key, trying the passwords in turn. Throws TlsFileError. */
export function loadKey(source: string, passwords: readonly string[]): LoadedKey {
  const fail = (reason: string): never => {
    throw new TlsFileError(`cannot load certificate key "${shown(source)}": ${reason}`);
  };
  if (source.startsWith('engine:')) fail('loading "engine:..." certificate keys is not supported');
  if (source.startsWith('store:')) fail('loading "store:..." certificate keys is not supported');
  const text = read(source, 'certificate key');
  if (!/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) {
    fail(`PEM_read_bio_PrivateKey() failed (SSL: ${UNSUPPORTED_KEY})`);
  }
  let last: unknown = null;
  for (const passphrase of passwords.length === 0 ? [undefined] : passwords) {
    try {
      const key = createPrivateKey({
        key: Buffer.from(text, 'latin1'),
        format: 'pem',
        ...(passphrase !== undefined && { passphrase: Buffer.from(passphrase, 'latin1') }),
      });
      return { source, key, encrypted: text.includes('ENCRYPTED') };
    } catch (error) {
      last = error;
    }
  }
  const missing = (last as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
  const reason = missing
    ? 'error:0480006D:PEM routines::problems getting password error:04800068:PEM routines::bad password read'
    : sslReason(last);
  return fail(`PEM_read_bio_PrivateKey() failed (SSL: ${reason})`);
}

/** A key given as data is secret: only its kind is shown. */
function shown(source: string): string {
  return source.startsWith(DATA) ? `${DATA}...` : source;
}

/** A certificate with its private key, in PEM. */
export interface CertifiedKey {
  readonly certificate: CertificateChain;
  readonly key: string;
}

/** A key belongs to another certificate. */
export class KeyMismatch extends TlsFileError {}

/** Loads a certificate and its key, and checks that they belong together. Throws TlsFileError. */
export function loadCertifiedKey(certificate: string, key: string, passwords: readonly string[]): CertifiedKey {
  return certified(loadCertificates(certificate), loadKey(key, passwords), 'SSL_CTX_use_PrivateKey');
}

/** Checks that a certificate and a key belong together. Throws KeyMismatch, with the name of a call of OpenSSL. */
export function certified(certificate: CertificateChain, { source, key }: LoadedKey, call: string): CertifiedKey {
  const [first = ''] = certificate.blocks;
  if (!first.startsWith('-----BEGIN TRUSTED') && !new X509Certificate(first).checkPrivateKey(key)) {
    throw new KeyMismatch(
      `${call}("${shown(source)}") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)`,
    );
  }
  return { certificate, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Loads certificate revocation lists, as PEM blocks. Throws TlsFileError. */
export function loadCrls(source: string): readonly string[] {
  const { blocks, unfinished } = pemBlocks(read(source, 'CRL'), /X509 CRL/);
  if (blocks.length > 0 && !unfinished) return blocks;
  const reason = unfinished ? 'error:04800066:PEM routines::bad end line' : `${NO_START_LINE}:Expecting: X509 CRL`;
  throw new TlsFileError(`cannot load CRL "${source}": PEM_read_bio_X509_CRL() failed (SSL: ${reason})`);
}

/** Reads the passwords of a file, one per line; empty lines are none. Throws TlsFileError. */
export function loadPasswords(path: string): readonly string[] {
  let text: string;
  try {
    text = contentOf(path);
  } catch (error) {
    throw new TlsFileError(`open() "${path}" failed (${errnoText(error)})`);
  }
  return text.split(/\r?\n/).filter((line) => line !== '');
}
