/**
 * Secrets in configuration texts, for status pages: passwords, tokens, keys, and values of fields such as `Authorization`.
 * They are recognized by names and formats, also in directives of third-party modules. Byte strings.
 */
import { parse } from '../../grammar/parser.js';
import {
  type Block,
  type Item,
  isStatement,
  type Source,
  type Statement,
  type Word,
} from '../../grammar/syntax-tree.js';
import { REDACTED } from '../tap/credentials.js';

/** Fields, directives, variables and parameters whose values are secrets. */
const SECRET_NAME = new RegExp(
  [
    'passw(?:or)?d|passphrase|secret|token|credential|api[-_]?keys?|private[-_]?key|auth[-_]?key|signing[-_]?key',
    '^(?:proxy[-_])?authorization$',
    '^(?:set[-_])?cookie2?$',
  ].join('|'),
  'i',
);
/** Names that match, but whose values are not secret. */
const HARMLESS =
  /^(?:server_tokens|api_key)$|_(?:file|path|zone|zone_size|timeout|cache|from_\w+|header|name|status|variable)$/;
/** Variables whose values are secrets of clients. */
const SECRET_VARIABLE = /^(?:http_(?:proxy_)?authorization|http_cookie|cookie_\w+|(?:http|arg|sent_http)_\w*key)$/i;
/** Minimum length of a secret that is also replaced where other texts repeat it, bytes. */
const MIN_REPEATED = 4;

/** Formats of secrets in any text; the last group is the secret. */
const FORMS = [
  /\b(?:Bearer|Basic)[ \t]+([\w.~+/=-]{6,})/gi,
  /\b(eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*)/g,
  /:\/\/[^/\s:@"'$]*:([^/\s@"']+)@/g,
  /[?&](?:access_token|api_key|password|token)=([^&\s"';$]+)/gi,
  /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$))/g,
];
/** A field or variable with its value in a comment, which may be a directive that is out of use, or in a block of Lua. */
const COMMENTED =
  /\b[\w-]*(?:authorization|cookie|passw(?:or)?d|secret|token|api[-_]?key)[\w-]*["']?(?:\s*[=:]\s*("[^"]*"|'[^']*'|[^\s;"',]+)|\s+("[^"]*"|'[^']*'|[^\s;"',]+)(?=\s*;))/gi;
/** A comparison with a secret variable in the condition of an `if`. */
const COMPARED = /\$\{?(\w+)\}?\s*(?:!?=|!?~\*?)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s)]+)/g;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Secrets of one configuration, or of several. */
export class ConfigurationSecrets {
  private readonly values = new Set<string>();

  /** The text without its secrets, which `clean` then also removes from other texts. */
  redact(source: Source): string {
    const { text } = source;
    const found = [...secretsIn(parse(source).items, null), ...formsIn(text, 0)].filter(
      ({ start, end }) => start < end,
    );
    found.sort((a, b) => a.start - b.start || b.end - a.end);
    let result = '';
    let at = 0;
    for (const { start, end } of found) {
      if (end <= at) continue;
      const secret = text.slice(Math.max(start, at), end);
      if (secret.length >= MIN_REPEATED) this.values.add(secret);
      // Line numbers must not change.
      result += text.slice(at, Math.max(start, at)) + REDACTED + secret.replace(/[^\n]/g, '');
      at = end;
    }
    return result + text.slice(at);
  }

  /** A text about the configurations (findings, an explanation) without their secrets. */
  clean(text: string): string {
    let result = text;
    // Longer ones first: one may contain another.
    for (const value of [...this.values].sort((a, b) => b.length - a.length))
      result = result.replaceAll(value, REDACTED);
    for (const form of FORMS) result = result.replace(form, (all, secret: string) => all.replace(secret, REDACTED));
    return result;
  }
}

/** Ranges of the secrets in statements and comments. `within`: the statement of the enclosing block. */
function secretsIn(items: readonly Item[], within: Statement | null): Range[] {
  return items.flatMap((item) => {
    if (!isStatement(item)) return commentedIn(item.text, item.start + 1);
    return [...secretsOf(item, within), ...(item.block === null ? [] : secretsOfBlock(item, item.block))];
  });
}

function secretsOfBlock(statement: Statement, block: Block): Range[] {
  if (block.foreign === undefined) return secretsIn(block.items, statement);
  return commentedIn(block.source.text.slice(block.start, block.end), block.start);
}

function secretsOf(statement: Statement, within: Statement | null): Range[] {
  const { name, args } = statement;
  const entry = within === null ? [] : secretsOfEntry(statement, within);
  if (entry.length > 0) return entry;
  const [first, ...rest] = args;
  const { text: directive } = name;
  if (first === undefined) return [];
  if (/(?:^|_)(?:header|trailer|param)$/.test(directive) || directive === 'set' || directive === 'js_var') {
    const subject = first.text.replace(/^\$|^HTTP_/, '');
    return isSecretName(subject) ? rest.flatMap(secretValue) : [];
  }
  if (directive === 'if') return comparedIn(statement);
  if (directive === 'env') {
    const [, variable = '', value = ''] = /^(\w+)=(.*)$/s.exec(first.text) ?? [];
    return isSecretName(variable) ? [{ start: first.end - value.length, end: first.end }] : [];
  }
  if (/^secure_link_(?:md5|secret)$/.test(directive)) return args.flatMap(secretValue);
  if (/certificate_key$/.test(directive)) {
    return args.flatMap((word) => (word.text.startsWith('data:') ? rangeOf(word, 'data:'.length) : []));
  }
  if (isSecretName(directive) && !HARMLESS.test(directive) && statement.block === null)
    return args.flatMap(secretValue);
  // Parameters: password=...
  return args.flatMap((word) => {
    const [all, parameter = ''] = /^([\w-]+)=/.exec(word.text) ?? [];
    return all !== undefined && isSecretName(parameter) && isValue(word.text.slice(all.length))
      ? rangeOf(word, all.length)
      : [];
  });
}

/** Secrets in an entry of a block such as `map`: its key, if the block maps secrets, or its value, if the result is one. */
function secretsOfEntry({ name, args }: Statement, { name: block, args: [source, target] }: Statement): Range[] {
  if (/^api_keys$/.test(block.text)) return secretValue(name);
  if (block.text !== 'map' && block.text !== 'geo' && block.text !== 'split_clients') return [];
  if (/^(?:hostnames|volatile|include)$/.test(name.text)) return [];
  const result = (target ?? source)?.text.replace(/^\$/, '') ?? '';
  const variables =
    target === undefined ? [] : [...(source?.text ?? '').matchAll(/\$\{?(\w+)/g)].map(([, each = '']) => each);
  return [
    ...(name.text !== 'default' && variables.some(isSecretVariable) ? secretValue(name) : []),
    ...(isSecretName(result) ? args.flatMap(secretValue) : []),
  ];
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

function isSecretVariable(name: string): boolean {
  return SECRET_VARIABLE.test(name) || SECRET_NAME.test(name.replace(/^(?:http|arg|cookie|sent_http)_/, ''));
}

/** Range of a word that is a secret, without quotes; none for variables, numbers and switches. */
function secretValue(word: Word): Range[] {
  return isValue(word.text) ? rangeOf(word, 0) : [];
}

function isValue(text: string): boolean {
  if (/^(?:on|off|always|none|default|[\d.]+[a-z]{0,2})$/i.test(text)) return false;
  const constant = text.replace(/\$\{?\w+\}?/g, '').replace(/^(?:Bearer|Basic|Token|ApiKey)\b/i, '');
  return /[^\s"'=:;,.-]/.test(constant);
}

/** Range of a word from an offset in its value on, without quotes. */
function rangeOf({ start, end, quote }: Word, from: number): Range[] {
  return [{ start: start + quote.length + from, end: end - quote.length }];
}

function comparedIn({ source, start, block, end }: Statement): Range[] {
  const text = source.text.slice(start, block?.start ?? end);
  return [...text.matchAll(COMPARED)].flatMap(({ 0: all, 1: variable = '', 2: value = '', index }) => {
    if (!isSecretVariable(variable) || !isValue(value.replace(/^["']|["']$/g, ''))) return [];
    const quotes = /^["']/.test(value) ? 1 : 0;
    const last = start + index + all.length;
    return [{ start: last - value.length + quotes, end: last - quotes }];
  });
}

function commentedIn(text: string, offset: number): Range[] {
  return [...text.matchAll(COMMENTED)].flatMap(({ 0: all, 1: assigned, 2: given = '', index }) => {
    const value = assigned ?? given;
    if (!isValue(value.replace(/^["']|["']$/g, ''))) return [];
    const end = offset + index + all.length;
    const quotes = /^["']/.test(value) ? 1 : 0;
    return [{ start: end - value.length + quotes, end: end - quotes }];
  });
}

function formsIn(text: string, offset: number): Range[] {
  return FORMS.flatMap((form) =>
    [...text.matchAll(form)].map(({ 0: all, 1: secret = '', index }) => {
      const start = offset + index + all.lastIndexOf(secret);
      return { start, end: start + secret.length };
    }),
  );
}
