/** nginx's `ngx_http_sub_module`: replaces strings in responses. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, flag } from '../config/argument-types.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../config/media-types.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { asciiLowerCase } from '../net/ascii-case.js';
import type { BodyFilter, Chunk } from '../program/body.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type HeaderFilter, type Scope } from '../program/module.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const HTML = [['text/html']];
const MAX_PATTERNS = 255;

interface Substitution {
  readonly search: TemplateData;
  readonly replacement: TemplateData;
}

function parseSubstitution(words: readonly Word[], c: ArgumentContext): Substitution {
  const [search, replacement] = words as readonly [Word, Word]; // two words: `min` and `max`
  if (search.text === '') c.fail(search, 'invalid-value', 'empty search pattern');
  return { search: parseTemplate(search, c), replacement: parseTemplate(replacement, c) };
}

/** A search string, in lower case, and its replacement. */
interface Pair {
  readonly search: string;
  readonly replacement: Template;
}

/** Searches for several strings; of those that match at one position, the first in the configuration wins. */
class Finder {
  readonly maxLength: number;
  private readonly expression: RegExp;
  private readonly order = new Map<string, number>();

  constructor(readonly pairs: readonly Pair[]) {
    for (const [i, { search }] of pairs.entries()) if (!this.order.has(search)) this.order.set(search, i);
    this.maxLength = Math.max(...pairs.map(({ search }) => search.length));
    // The `i` flag would also fold the case of bytes above 127.
    const source = pairs.map(({ search }) => search.replace(/./gs, eitherCase)).join('|');
    this.expression = new RegExp(source, 'g');
  }

  /** First complete match from `from` on. */
  find(text: string, from: number): { readonly start: number; readonly end: number; readonly index: number } | null {
    this.expression.lastIndex = from;
    const match = this.expression.exec(text);
    if (match === null) return null;
    const [found] = match;
    return { start: match.index, end: match.index + found.length, index: this.order.get(asciiLowerCase(found)) ?? 0 };
  }

  /** First position from `from` on where the text ends with a proper prefix of a search string. */
  findPartial(text: string, from: number): { readonly start: number; readonly index: number } | null {
    const first = Math.max(from, text.length - this.maxLength + 1);
    const tail = asciiLowerCase(text.slice(first));
    for (let i = 0; i < tail.length; i++) {
      const rest = tail.slice(i);
      const index = this.pairs.findIndex(({ search }) => search.length > rest.length && search.startsWith(rest));
      if (index >= 0) return { start: first + i, index };
    }
    return null;
  }
}

function eitherCase(char: string): string {
  if (/[a-z]/.test(char)) return `[${char}${char.toUpperCase()}]`;
  return /[0-9]/.test(char) ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

class SubFilter implements BodyFilter {
  /** End of the last chunk that may be the beginning of a match. */
  private partial = '';
  private readonly values = new Map<Pair, string>();

  constructor(
    private readonly x: Exchange,
    /** Null when `once` is set and each string has been replaced. */
    private finder: Finder | null,
    private readonly once: boolean,
  ) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk === null) {
      if (this.partial !== '') next(this.partial);
      this.partial = '';
      return next(null);
    }
    if (this.finder === null) return next(chunk);
    const out = this.replace(this.partial + (typeof chunk === 'string' ? chunk : chunk.latin1Slice()));
    return out === '' ? true : next(out);
  }

  private replace(text: string): string {
    let out = '';
    let at = 0;
    for (;;) {
      const { finder } = this;
      if (finder === null) {
        this.partial = '';
        return out + text.slice(at);
      }
      const found = finder.find(text, at);
      const prefix = finder.findPartial(text, at);
      // The leftmost match wins, as it would in an unsplit text.
      const needsMore =
        prefix !== null &&
        (found === null || prefix.start < found.start || (prefix.start === found.start && prefix.index < found.index));
      if (found === null || needsMore) {
        const end = prefix?.start ?? text.length;
        this.partial = text.slice(end);
        return out + text.slice(at, end);
      }
      out += text.slice(at, found.start) + this.valueOf(finder, found.index);
      at = found.end;
    }
  }

  private valueOf(finder: Finder, index: number): string {
    const pair = finder.pairs[index] as Pair; // the index comes from this finder
    let value = this.values.get(pair);
    if (value === undefined) this.values.set(pair, (value = pair.replacement.of(this.x)));
    if (this.once) {
      const left = finder.pairs.filter((each) => each !== pair);
      this.finder = left.length === 0 ? null : new Finder(left);
    }
    return value;
  }
}

const SUB = new StateKey<SubFilter | null>('sub');

interface SubRules {
  readonly once: boolean;
  readonly lastModified: boolean;
  readonly covers: (contentType: string) => boolean;
}

function compileFilter(substitutions: readonly Substitution[], rules: SubRules, { compiler }: Scope): HeaderFilter {
  const pairs = substitutions.map(({ search, replacement }) => ({
    search: compiler.template(search),
    replacement: compiler.template(replacement),
  }));
  const evaluate = (fill: (template: Template) => string) =>
    pairs
      .map(({ search, replacement }) => ({ search: asciiLowerCase(fill(search)), replacement }))
      .filter(({ search }) => search !== '');
  const constant = pairs.every(({ search }) => search.constant !== null);
  const fixed = constant ? new Finder(evaluate((template) => template.constant ?? '')) : null;
  return (x) => {
    const { response } = x;
    // A response that was replaced may have set one.
    if (x.state(SUB) !== undefined) x.setState(SUB, null);
    if (response.contentLength === 0 || !rules.covers(response.contentType ?? '')) return;
    let finder = fixed;
    if (finder === null) {
      const nonEmpty = evaluate((template) => template.of(x));
      if (nonEmpty.length === 0) return;
      finder = new Finder(nonEmpty);
    }
    x.setState(SUB, new SubFilter(x, finder, rules.once));
    response.seekable = false;
    if (x.nested !== null) return;
    response.contentLength = -1;
    if (rules.lastModified) response.weakenEtag();
    else {
      response.lastModified = null;
      response.modifiedAt = -1;
      response.etag = null;
    }
  };
}

export default defineModule({
  name: 'sub',
  doc: 'Replaces strings in response bodies, also across chunk boundaries. Such responses have no `Content-Length`.',
  directives: {
    sub_filter: {
      contexts: CONTEXTS,
      takes: custom('string replacement', 2, 2, parseSubstitution),
      repeat: true,
      doc: 'Replaces `string`, which is matched case-insensitively (ASCII), with `replacement`. Both may contain variables. The directive may be repeated on one level; replacements are not searched again. A level with `sub_filter` of its own inherits none.',
      example: `sub_filter 'href="http://127.0.0.1:8080/' 'href="https://$host/';`,
    },
    sub_filter_once: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether only the first occurrence of each string is replaced.',
      example: 'sub_filter_once off;',
    },
    sub_filter_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses in which strings are replaced, in addition to `text/html`; `*` matches any type.',
      example: 'sub_filter_types text/css application/javascript;',
    },
    sub_filter_last_modified: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether `Last-Modified` of the response is partial, and `ETag` as a weak one. Otherwise both are removed.',
      example: 'sub_filter_last_modified on;',
    },
  },
  check(block, c) {
    // Undefined if every `sub_filter` was invalid.
    const all = block.values.sub_filter as readonly Substitution[] | undefined;
    const own = block.own.includes('sub_filter') ? (all ?? []) : [];
    const over = c.statements('sub_filter')[MAX_PATTERNS];
    if (own.length > MAX_PATTERNS && over !== undefined) {
      c.report(over, 'invalid-value', `number of search patterns exceeds ${MAX_PATTERNS}`);
    }
  },
  headerFilter: {
    order: 28,
    compile(conf, at) {
      if (conf.sub_filter.length === 0) return null;
      const covers = mediaTypeTest(conf.sub_filter_types.length === 0 ? HTML : conf.sub_filter_types);
      const rules = { once: conf.sub_filter_once, lastModified: conf.sub_filter_last_modified, covers };
      return compileFilter(conf.sub_filter, rules, at);
    },
  },
  bodyFilter: {
    order: 28,
    compile: (conf) => (conf.sub_filter.length === 0 ? null : (x) => x.state(SUB) ?? null),
  },
});
