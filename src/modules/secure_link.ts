/** nginx's `ngx_http_secure_link_module`: checks the signature and the lifetime of links. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { template, text } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import type { TemplateData } from '../config/template.js';
import { epochTime } from '../http/clock.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
/** Length of 16 bytes in base64 with padding. */
const MAX_HASH = 24;

/** Effective settings of a block: either the secret, or the two others. */
interface LinkData {
  readonly secret: string | null;
  readonly link: TemplateData | null;
  readonly md5: TemplateData | null;
}

interface LinkRules {
  readonly secret: string | null;
  readonly link: Template | null;
  readonly md5: Template | null;
}

const NONE: LinkData = { secret: null, link: null, md5: null };
const LINK = new SettingsKey<LinkRules | null>('secure_link', null);
/** Value of `$secure_link_expires`. */
const EXPIRES = new StateKey<string>('secure_link');

/** nginx: ngx_http_secure_link_merge_conf. */
function effective(block: CheckedBlock, config: CheckedConfig): LinkData {
  const own = (name: string): unknown => (block.own.includes(name) ? block.values[name] : undefined);
  const secret = own('secure_link_secret') as string | undefined;
  if (secret !== undefined) return { ...NONE, secret };
  const link = own('secure_link') as TemplateData | undefined;
  const md5 = own('secure_link_md5') as TemplateData | undefined;
  const parent = enclosingBlocks(config).get(block);
  const outer = parent === undefined ? NONE : effective(parent, config);
  if (link === undefined && md5 === undefined) return outer;
  return { secret: null, link: link ?? outer.link, md5: md5 ?? outer.md5 };
}

function checkLink(x: Exchange): string | undefined {
  const rules = x.location.settings.get(LINK);
  if (rules === null) return undefined;
  const { secret, link, md5 } = rules;
  if (secret !== null) return signedLink(x, secret);
  if (link === null || md5 === null) return undefined;
  const value = link.of(x);
  const comma = value.indexOf(',');
  let expires = 0;
  if (comma >= 0) {
    const written = value.slice(comma + 1);
    if (!/^\d{1,18}$/.test(written)) return undefined;
    expires = Number(written);
    if (expires === 0) return undefined;
    x.setState(EXPIRES, written);
  }
  const hash = decodeHash(comma < 0 ? value : value.slice(0, comma));
  if (hash === null || !timingSafeEqual(hash, md5Of(md5.of(x)))) return undefined;
  return expires > 0 && expires < Math.floor(epochTime() / 1000) ? '0' : '1';
}

/** Decodes base64url, with or without padding; null if it is not a hash of 16 bytes. */
function decodeHash(value: string): Buffer | null {
  if (value.length > MAX_HASH || !/^[A-Za-z0-9_-]+={0,2}/.test(value)) return null;
  const digits = /^[A-Za-z0-9_-]+/.exec(value)?.[0] ?? '';
  if (!/^=*$/.test(value.slice(digits.length))) return null;
  const hash = Buffer.from(digits, 'base64url');
  return hash.length === 16 ? hash : null;
}

/** The part of `/prefix/hash/link` after the hash if that is valid. */
function signedLink(x: Exchange, secret: string): string | undefined {
  const start = x.target.indexOf('/', 1);
  const end = start < 0 ? -1 : x.target.indexOf('/', start + 1);
  if (end < 0) return undefined;
  const hash = x.target.slice(start + 1, end);
  const link = x.target.slice(end + 1);
  if (!/^[0-9a-f]{32}$/i.test(hash) || link === '') return undefined;
  return timingSafeEqual(Buffer.from(hash, 'hex'), md5Of(link + secret)) ? link : undefined;
}

function md5Of(bytes: string): Buffer {
  return createHash('md5').update(bytes, 'latin1').digest();
}

export default defineModule({
  name: 'secure_link',
  doc: 'Checks the signature of requested links, and optionally their lifetime. The result is the variable `$secure_link`, which the configuration evaluates with `if`.',
  directives: {
    secure_link: {
      contexts: CONTEXTS,
      takes: template,
      doc: 'Source of the signature (MD5, in base64url) and, after a comma, of the time of expiry (seconds since 1970) of the link.',
      example: 'secure_link $arg_md5,$arg_expires;',
    },
    secure_link_md5: {
      contexts: CONTEXTS,
      takes: template,
      doc: 'Text whose MD5 is the signature: it should contain the protected part of the link and a secret. `$secure_link` is `1` if the signature is valid, `0` if it is valid and the link has expired, and otherwise empty.',
      example: 'secure_link_md5 "$secure_link_expires$uri secret";',
    },
    secure_link_secret: {
      contexts: CONTEXTS,
      takes: text,
      doc: 'Secret word for links of the form `/prefix/hash/link`, whose hash is the MD5 of link and secret in hexadecimal digits. `$secure_link` is the link if the hash is valid, and otherwise empty. Not together with the other directives.',
      example: 'secure_link_secret enigma;',
    },
  },
  variables: {
    secure_link: {
      get: checkLink,
      cached: true,
      doc: 'Result of the check of the link, see `secure_link_md5` and `secure_link_secret`.',
    },
    secure_link_expires: {
      get: (x) => x.state(EXPIRES),
      doc: 'Time of expiry in the request.',
    },
  },
  check(block, c) {
    const [secret] = block.own.includes('secure_link_secret') ? c.statements('secure_link_secret') : [];
    if (secret === undefined || !(block.own.includes('secure_link') || block.own.includes('secure_link_md5'))) return;
    c.report(
      secret,
      'conflicting-directives',
      '"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"',
    );
  },
  holds(block, config) {
    const { secret, link, md5 } = effective(block, config);
    return { secure_link: link, secure_link_md5: md5, secure_link_secret: secret };
  },
  settings(conf, at) {
    if (conf.secure_link === undefined && conf.secure_link_md5 === undefined && conf.secure_link_secret === undefined) {
      return;
    }
    const { compiler } = at;
    const { secret, link, md5 } = effective(at.block, compiler.config);
    at.program.settings.set(LINK, {
      secret,
      link: link === null ? null : compiler.template(link),
      md5: md5 === null ? null : compiler.template(md5),
    });
  },
});
