import { defineLint } from './engine/lint.js';

/** Keywords of OpenSSL's lists and parts of names, with what is wrong. */
const WEAK: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:aNULL|ADH|AECDH|DH_anon|COMPLEMENTOFDEFAULT|COMPLEMENTOFALL)$|^(?:ADH|AECDH)-/,
    'no certificate is asked for, so that anybody in between can read',
  ],
  [/^(?:eNULL|NULL)$|(?:^|-)NULL(?:-|$)/, 'nothing is encrypted'],
  [/^(?:EXP|EXPORT|EXPORT40|EXPORT56|EXP1024)$|^EXP-/, 'keys of 40 and 56 bits'],
  [/^RC4$|(?:^|-)RC4(?:-|$)/, 'RC4 is broken (RFC 7465)'],
  [/^(?:DES|LOW)$|(?:^|-)DES-CBC-/, 'keys of 56 bits'],
  [/^MD5$|-MD5$/, 'MD5 is broken'],
  [/^SSLv2$/, 'SSL 2 is broken (RFC 6176)'],
];

/** Weak, and still asked for by very old clients. */
const AGED = /^(?:3DES|IDEA|SEED)$|DES-CBC3|(?:^|-)(?:IDEA|SEED)(?:-|$)/;

export default defineLint({
  code: 'weak-tls-ciphers',
  severity: 'warning',
  on: 'ssl_ciphers proxy_ssl_ciphers grpc_ssl_ciphers uwsgi_ssl_ciphers',
  story:
    'The list of ciphers takes some that are broken or encrypt nothing: without authentication (`aNULL`), without encryption (`eNULL`), for export, RC4, single DES, MD5. `HIGH:!aNULL:!MD5` is the default of nginx; a list of today names what has forward secrecy and authenticated encryption, as `ECDHE+AESGCM:ECDHE+CHACHA20` does.',
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
        const [name, why, aged] = found;
        c.report(list, `"${directive}" takes the weak "${name}"`, {
          ...((upstream || aged) && { severity: 'hint' as const }),
          help: why,
        });
      }
    }
  },
});

/** The first weak entry that nothing takes away again. */
function weakIn(list: string): readonly [string, string, boolean] | null {
  const entries = list.split(/[:,\s]+/).filter((entry) => entry !== '' && !entry.startsWith('@'));
  const killed = new Set(entries.flatMap((entry) => (/^[!-]/.test(entry) ? [entry.slice(1).toUpperCase()] : [])));
  let aged: string | null = null;
  for (const entry of entries) {
    if (/^[!+-]/.test(entry)) continue;
    const parts = entry.split('+');
    // All ciphers hold those without authentication, unless they are taken away.
    if (/^(?:ALL|kEDH|kEECDH|EDH|EECDH|ECDH|DH)$/.test(entry) && !killed.has('ANULL') && !killed.has('ADH')) {
      if (entry === 'ALL') return [entry, 'it holds ciphers without authentication; add ":!aNULL"', false];
    }
    if (parts.some((part) => killed.has(part.toUpperCase())) || wordsOf(entry).some((word) => killed.has(word)))
      continue;
    for (const [weak, why] of WEAK) if (parts.some((part) => weak.test(part))) return [entry, why, false];
    if (parts.some((part) => AGED.test(part))) aged ??= entry;
  }
  return aged === null || killed.has('3DES')
    ? null
    : [aged, 'blocks of 64 bits (Sweet32); only clients of 2010 need it', true];
}

/** The keywords that a whole name of a cipher falls under. */
function wordsOf(entry: string): string[] {
  const words = entry.toUpperCase().split('-');
  return words.includes('CBC3') ? [...words, '3DES'] : words;
}
