/** Targets for values of single fields: cookies, reported addresses, hosts, and paths of targets. */
import assert from 'node:assert/strict';
import { cookieValue, setCookieValue } from '../../src/http/cookies.js';
import { forwardedAddress } from '../../src/http/forwarded-address.js';
import { validHost } from '../../src/http/host.js';
import { normalizeTarget } from '../../src/http/request-target.js';
import { requestGroups } from '../oracle/framing/requests/index.js';
import { type FuzzTarget, mutatedBytes } from './target.js';

const NAMES: readonly string[] = ['a', 'b', 'session', 'a_b'];

/** The same as `cookieValue`, piece by piece. */
function cookieByPieces(fields: readonly string[], name: string): string | undefined {
  for (const field of fields) {
    for (const [i, piece] of field.split(';').entries()) {
      const text = i === 0 ? piece : piece.replace(/^ +/, '');
      const rest = text.slice(0, name.length).toLowerCase() === name ? text.slice(name.length).replace(/^ +/, '') : '';
      if (rest.startsWith('=')) return rest.slice(1).replace(/^ +/, '');
    }
  }
  return undefined;
}

export function checkCookies(fields: readonly string[]): void {
  for (const name of NAMES) {
    assert.equal(cookieValue(fields, name), cookieByPieces(fields, name));
    const value = setCookieValue(fields, name);
    assert.ok(value === undefined || fields.some((field) => field.includes(value)));
  }
}

export const cookies: FuzzTarget = {
  name: 'cookies',
  make: (random) =>
    mutatedBytes(
      [
        'a=1; b=2',
        'a=1',
        'A = 1 ; b',
        'session=x; a=; b==',
        ';;a=1',
        'ab=1;a_b=2',
        'a=1\nb=2',
        'a="x;y"; b',
        ' a=1; Path=/',
      ],
      ['=', ';', ' ', '; ', 'a=', 'b=', 'a', '\t', ',', '"', '\n', '=;'],
      random,
    ),
  check: (text) => checkCookies(text.split('\n')),
};

const BASE = { bytes: [10, 0, 0, 1], port: 7 };

/** `trusted`: whether an address that was reported is believed. */
export function checkForwarded(values: readonly string[], trusted: (bytes: readonly number[]) => boolean): void {
  assert.equal(
    forwardedAddress(BASE, values, () => false, true),
    BASE,
  );
  const asked: (readonly number[])[] = [];
  const watched = (bytes: readonly number[]): boolean => {
    asked.push(bytes);
    return trusted(bytes);
  };
  for (const recursive of [false, true]) {
    asked.length = 0;
    const { bytes, port } = forwardedAddress(BASE, values, watched, recursive);
    assert.ok((bytes.length === 4 || bytes.length === 16) && port >= 0 && port <= 65535);
    assert.ok(bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255));
    // Every address is asked about before one behind it is believed, and no more are than there are in the list.
    if (bytes !== BASE.bytes) assert.ok(asked.some((each) => each === BASE.bytes) && trusted(BASE.bytes));
    assert.ok(asked.length <= 1 + values.join(',').length + values.length);
    if (!recursive) assert.ok(asked.length <= 1);
  }
}

export const forwarded: FuzzTarget = {
  name: 'forwarded',
  make: (random) =>
    mutatedBytes(
      [
        '1.2.3.4',
        '10.1.1.1, 10.2.2.2',
        '1.2.3.4:80, 10.1.1.1',
        '[::1]:80, 10.0.0.2',
        '::ffff:1.2.3.4',
        'unknown, 10.0.0.1',
        ',1.1.1.1',
        '',
      ],
      [
        ',',
        ' ',
        ', ',
        '10.0.0.3',
        '1.1.1.1',
        '[::1]',
        '::1',
        ':',
        ':0',
        ':65536',
        '256',
        '.',
        '\n',
        '[',
        ']',
        '\0',
        'for=1.2.3.4',
      ],
      random,
    ),
  check: (text) => checkForwarded(text.split('\n'), (bytes) => bytes[0] === 10),
};

const TARGETS: readonly string[] = [
  ...requestGroups
    .filter(({ name }) => name === 'targets')
    .flatMap(({ cases }) => cases.map(({ send }) => send.split(' ')[1] ?? '/')),
  '/a/b/../c/./d//e?f#g',
];

/** The path stays below the root, and is its own normal form. */
export function checkTarget(target: string): void {
  // The reader of heads refuses such targets.
  if (/[\0-\x20\x7f]/.test(target)) return;
  for (const merge of [true, false]) {
    const found = normalizeTarget(target, merge);
    if (found === null) continue;
    const { path } = found;
    assert.ok(path.startsWith('/') && !path.includes('\0'));
    assert.ok(!path.split('/').some((segment) => segment === '..' || segment === '.'));
    if (merge) assert.ok(!path.includes('//'));
    const escaped = path.replace(/[%?#]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
    assert.equal(normalizeTarget(escaped, merge)?.path, path);
  }
}

export const targets: FuzzTarget = {
  name: 'targets',
  make: (random) =>
    `/${mutatedBytes(TARGETS, ['/', '//', '.', '..', '/../', '/./', '%2e', '%2F', '%25', '%00', '%', '?', '#', '\\', ';'], random)}`,
  check: checkTarget,
};

/** A host that is accepted has nothing in it that ends it, and is its own normal form. */
export function checkHost(value: string): void {
  const host = validHost(value);
  if (host === null) return;
  assert.doesNotMatch(host, /[\0-\x20\x7f-\xffA-Z/\\?#@]|\.\./);
  assert.equal(validHost(host), host);
}

export const hosts: FuzzTarget = {
  name: 'hosts',
  make: (random) =>
    mutatedBytes(
      ['a', 'A.b:80', '[::1]:80', 'a.', '127.0.0.1', 'a_b-c', '[v1.x]', 'a:'],
      ['.', '..', ':', '[', ']', '/', '@', '%', ':80', ':65536', ' ', '\0', '\\', '#'],
      random,
    ),
  check: checkHost,
};
