import { defineLint } from './engine/lint.js';

/** Keywords of OpenSSL cipher lists and parts of cipher names, with the reason why they are weak. */
const WEAK: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:aNULL|ADH|AECDH|DH_anon|COMPLEMENTOFDEFAULT|COMPLEMENTOFALL)$|^(?:ADH|AECDH)-/,
    'the server is not authenticated, so an attacker on the path can read the traffic',
  ],
  [/^(?:eNULL|NULL)$|(?:^|-)NULL(?:-|$)/, 'nothing is encrypted'],
  [/^(?:EXP|EXPORT|EXPORT40|EXPORT56|EXP1024)$|^EXP-/, 'keys of 40 and 56 bits'],
  [/^RC4$|(?:^|-)RC4(?:-|$)/, 'RC4 is broken (RFC 7465)'],
  [/^(?:DES|LOW)$|(?:^|-)DES-CBC-/, 'keys of 56 bits'],
  [/^MD5$|-MD5$/, 'MD5 is broken'],
  [/^SSLv2$/, 'SSL 2 is broken (RFC 6176)'],
];

/** Weak, but still needed by very old clients. */
const LEGACY = /^(?:3DES|IDEA|SEED)$|DES-CBC3|(?:^|-)(?:IDEA|SEED)(?:-|$)/;

export default defineLint({
  code: 'weak-tls-ciphers',
  severity: 'warning',
  on: 'ssl_ciphers proxy_ssl_ciphers grpc_ssl_ciphers uwsgi_ssl_ciphers',
  story:
    'The cipher list enables ciphers that are broken or do not encrypt: without authentication (`aNULL`), without encryption (`eNULL`), export ciphers, RC4, single DES, MD5. `HIGH:!aNULL:!MD5` is the default of nginx; a modern list contains only ciphers with forward secrecy and authenticated encryption, such as `ECDHE+AESGCM:ECDHE+CHACHA20`.',
  check(c) {
    for (const directive of ['ssl_ciphers', 'proxy_ssl_ciphers', 'grpc_ssl_ciphers', 'uwsgi_ssl_ciphers']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        const [list] = args;
        if (list === undefined || list.text.includes('$')) continue;
        const upstream = directive !== 'ssl_ciphers';
        const found = weakIn(list.text);
        if (found === null) continue;
        const [name, why, legacy] = found;
        c.report(list, `"${directive}" enables the weak "${name}"`, {
          ...((upstream || legacy) && { severity: 'hint' as const }),
          help: why,
        });
      }
    }
  },
});

/** The first weak entry that is not excluded again. */
function weakIn(list: string): readonly [string, string, boolean] | null {
  const entries = list.split(/[:,\s]+/).filter((entry) => entry !== '' && !entry.startsWith('@'));
  const excluded = new Set(entries.flatMap((entry) => (/^[!-]/.test(entry) ? [entry.slice(1).toUpperCase()] : [])));
  let legacy: string | null = null;
  for (const entry of entries) {
    if (/^[!+-]/.test(entry)) continue;
    const parts = entry.split('+');
    // ALL includes ciphers without authentication, unless they are excluded.
    if (/^(?:ALL|kEDH|kEECDH|EDH|EECDH|ECDH|DH)$/.test(entry) && !excluded.has('ANULL') && !excluded.has('ADH')) {
      if (entry === 'ALL') return [entry, 'it includes ciphers without authentication; add ":!aNULL"', false];
    }
    if (parts.some((part) => excluded.has(part.toUpperCase())) || wordsOf(entry).some((word) => excluded.has(word)))
      continue;
    for (const [weak, why] of WEAK) if (parts.some((part) => weak.test(part))) return [entry, why, false];
    if (parts.some((part) => LEGACY.test(part))) legacy ??= entry;
  }
  return legacy === null || excluded.has('3DES')
    ? null
    : [legacy, '64-bit blocks (Sweet32); only clients from around 2010 need it', true];
}

/** The keywords that a full cipher name matches. */
function wordsOf(entry: string): string[] {
  const words = entry.toUpperCase().split('-');
  return words.includes('CBC3') ? [...words, '3DES'] : words;
}
