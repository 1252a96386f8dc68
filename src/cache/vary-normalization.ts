/**
 * Normalized values of request fields that select a variant: requests whose values mean the same share a response
 * (RFC 9111 4.1, `proxy_cache_vary_normalize`).
 */
import { createHash } from 'node:crypto';
import type { HeaderBlock } from '../http/header-block.js';
import { variedFields } from './vary.js';

/** Normalizes the values of the field's lines. */
export type Normalizer = (values: readonly string[]) => string;

interface Weighted {
  readonly value: string;
  readonly q: number;
}

/** Items of a list with their weights; those with weight 0 stay, as `;q=0`. Parameters other than `q` belong to the value. */
function weightedItems(values: readonly string[]): Weighted[] {
  const items: Weighted[] = [];
  for (const item of values.join(',').split(',')) {
    const [value = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    if (value === '') continue;
    let q = 1;
    const rest: string[] = [];
    for (const parameter of parameters) {
      const weight = /^q\s*=\s*([01](?:\.\d{0,3})?)$/.exec(parameter);
      if (weight === null) rest.push(parameter);
      else q = Number(weight[1]);
    }
    items.push({ value: [value, ...rest].join(';'), q });
  }
  return items;
}

/** Letter case and spaces do not count, nor does the order of items with the same weight. */
function byWeight(values: readonly string[]): string {
  const items = weightedItems(values).sort((a, b) => b.q - a.q || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
  return items.map(({ value, q }) => (q === 1 ? value : `${value};q=${q}`)).join(',');
}

/** Letter case and spaces do not count; the order does. */
function inOrder(values: readonly string[]): string {
  return weightedItems(values)
    .map(({ value, q }) => (q === 1 ? value : `${value};q=${q}`))
    .join(',');
}

/** Spaces around the items of a list do not count. */
export function trimmed(values: readonly string[]): string {
  const items = values.join(',').split(',');
  return items.map((item) => item.trim()).join(',');
}

/** Only the codings that the upstream distinguishes count, in its order of preference; `identity` if it has none of them. */
export function codingOf(known: readonly string[]): Normalizer {
  return (values) => {
    const items = weightedItems(values);
    const any = items.find(({ value }) => value === '*');
    const accepted = known.filter((coding) => (items.find(({ value }) => value === coding) ?? any)?.q);
    return accepted[0] ?? 'identity';
  };
}

/** The best of the languages that the upstream distinguishes, by weight and basic filtering (RFC 4647 3.3.1); `*` for none. */
export function languageOf(known: readonly string[]): Normalizer {
  return (values) => {
    const wanted = weightedItems(values)
      .filter(({ q }) => q > 0)
      .sort((a, b) => b.q - a.q);
    for (const { value } of wanted) {
      if (value === '*') return known[0] ?? '*';
      const found = known.find(
        (language) => language === value || language.startsWith(`${value}-`) || value.startsWith(`${language}-`),
      );
      if (found !== undefined) return found;
    }
    return '*';
  };
}

/** `mobile` or `desktop`. */
function deviceOf(values: readonly string[]): string {
  return /Mobi|Android|iPhone|iPod/.test(values.join(' ')) ? 'mobile' : 'desktop';
}

/** The normalizer for a field without or with known values; null: there is none. */
export function normalizerFor(lower: string, known: readonly string[]): Normalizer | null {
  switch (lower) {
    case 'accept-encoding':
      return known.length > 0 ? codingOf(known) : byWeight;
    case 'accept-language':
      return known.length > 0 ? languageOf(known) : byWeight;
    case 'accept':
    case 'accept-charset':
      return known.length > 0 ? null : byWeight;
    case 'user-agent':
      return known.length > 0 ? null : deviceOf;
    default:
      return null;
  }
}

/**
 * Whether the body has the coding that the request was normalized to, if `Accept-Encoding` has known values: others of the same
 * variant may not accept what this client accepts, or seems to accept to the upstream.
 */
export function suitsVariant(
  request: HeaderBlock,
  response: HeaderBlock,
  normalizers: ReadonlyMap<string, Normalizer>,
): boolean {
  const normalize = normalizers.get('accept-encoding');
  if (normalize === undefined || normalize === byWeight) return true;
  const coding = response.joined('content-encoding')?.toLowerCase();
  const accepted = request.all('accept-encoding');
  if (coding === undefined || accepted.length === 0) return true;
  const varies = variedFields(response.joined('vary') ?? '').some((name) => name.toLowerCase() === 'accept-encoding');
  return !varies || coding.replace(/^x-/, '') === normalize(accepted);
}

/** Normalizers with the same meaning for every recipient, which need no knowledge about the upstream. */
const SAFE: ReadonlyMap<string, Normalizer> = new Map([
  ['accept-encoding', inOrder],
  ['accept-language', inOrder],
  ['accept-charset', inOrder],
]);

/** Hash of the normalized values: 32 hexadecimal digits. Fields without a normalizer are only trimmed. */
export function normalizedVariant(
  headers: HeaderBlock,
  vary: string,
  normalizers: ReadonlyMap<string, Normalizer>,
): string {
  const md5 = createHash('md5');
  for (const name of variedFields(vary)) {
    const lower = name.toLowerCase();
    const normalize = normalizers.get(lower) ?? SAFE.get(lower) ?? trimmed;
    const values = headers.all(lower);
    // A missing field differs from an empty one.
    md5.update(values.length === 0 ? `${lower}\r\n` : `${lower}:${normalize(values)}\r\n`, 'latin1');
  }
  return md5.digest('hex');
}
