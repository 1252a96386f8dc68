/** nginx's `ngx_http_sub_module`: replaces strings in answers. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, flag } from '../config/argument-types.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../config/media-types.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import type { Chunk } from '../exchange/client-side.js';
import { type BodyFilter, type Exchange, StateKey } from '../exchange/exchange.js';
import { defineModule, type HeaderFilter, type Scope } from '../exchange/module.js';
import type { Template } from '../exchange/template.js';
import { asciiLowerCase } from '../http/ascii-case.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const HTML = [['text/html']];
const PATTERNS_MAX = 255;

interface Substitution {
  readonly search: TemplateData;
  readonly replacement: TemplateData;
}

function parseSubstitution(words: readonly Word[], c: ArgumentContext): Substitution {
  const [search, replacement] = words as readonly [Word, Word]; // two words: `min` and `max`
  if (search.text === '') c.fail(search, 'invalid-value', 'empty search pattern');
  return { search: parseTemplate(search, c), replacement: parseTemplate(replacement, c) };
}

/** What is looked for, in lower case, and what takes its place. */
interface Pair {
  readonly search: string;
  readonly replacement: Template;
}

/** Finds the strings of several pairs; where two could stand in one place, the one that was written first. */
class Finder {
  readonly longest: number;
  private readonly expression: RegExp;
  private readonly order = new Map<string, number>();

  constructor(readonly pairs: readonly Pair[]) {
    for (const [i, { search }] of pairs.entries()) if (!this.order.has(search)) this.order.set(search, i);
    this.longest = Math.max(...pairs.map(({ search }) => search.length));
    // The flag for this would also take bytes above 127 for letters.
    const source = pairs.map(({ search }) => search.replace(/./gs, eitherCase)).join('|');
    this.expression = new RegExp(source, 'g');
  }

  /** The first string from `from` on that is there as a whole. */
  find(text: string, from: number): { readonly start: number; readonly end: number; readonly index: number } | null {
    this.expression.lastIndex = from;
    const match = this.expression.exec(text);
    if (match === null) return null;
    const [found] = match;
    return { start: match.index, end: match.index + found.length, index: this.order.get(asciiLowerCase(found)) ?? 0 };
  }

  /** The first place from `from` on where a string begins that may go on behind the end of the text. */
  findBegun(text: string, from: number): { readonly start: number; readonly index: number } | null {
    const first = Math.max(from, text.length - this.longest + 1);
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
  /** The beginning of a string that may go on in the next piece. */
  private kept = '';
  private readonly values = new Map<Pair, string>();

  constructor(
    private readonly x: Exchange,
    /** Null when each was replaced once, and no more is to be. */
    private finder: Finder | null,
    private readonly once: boolean,
  ) {}

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    if (chunk === null) {
      if (this.kept !== '') next(this.kept);
      this.kept = '';
      return next(null);
    }
    if (this.finder === null) return next(chunk);
    const out = this.replace(this.kept + (typeof chunk === 'string' ? chunk : chunk.latin1Slice()));
    return out === '' ? true : next(out);
  }

  private replace(text: string): string {
    let out = '';
    let at = 0;
    for (;;) {
      const { finder } = this;
      if (finder === null) {
        this.kept = '';
        return out + text.slice(at);
      }
      const found = finder.find(text, at);
      const begun = finder.findBegun(text, at);
      // What began further to the left comes first, as it would if the text had not been cut.
      const waits =
        begun !== null &&
        (found === null || begun.start < found.start || (begun.start === found.start && begun.index < found.index));
      if (found === null || waits) {
        const end = begun?.start ?? text.length;
        this.kept = text.slice(end);
        return out + text.slice(at, end);
      }
      out += text.slice(at, found.start) + this.valueOf(finder, found.index);
      at = found.end;
    }
  }

  private valueOf(finder: Finder, index: number): string {
    const pair = finder.pairs[index] as Pair; // the index is one of the finder's own
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
    // An answer that was replaced may have left one.
    if (x.state(SUB) !== undefined) x.setState(SUB, null);
    if (response.contentLength === 0 || !rules.covers(response.contentType ?? '')) return;
    let finder = fixed;
    if (finder === null) {
      const present = evaluate((template) => template.of(x));
      if (present.length === 0) return;
      finder = new Finder(present);
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
  doc: 'Replaces strings in the bodies of answers, wherever they are cut on their way. Such an answer has no length.',
  directives: {
    sub_filter: {
      contexts: CONTEXTS,
      takes: custom('string replacement', 2, 2, parseSubstitution),
      repeat: true,
      doc: 'Puts `replacement` in the place of `string`, which is looked for without regard to the case of ASCII letters. Both may have variables. Several may be given on one level; what has been replaced is not looked at again. A level that has any inherits none.',
      example: `sub_filter 'href="http://127.0.0.1:8080/' 'href="https://$host/';`,
    },
    sub_filter_once: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether each string is replaced only where it stands first.',
      example: 'sub_filter_once off;',
    },
    sub_filter_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'The media types of answers in which strings are replaced, beside `text/html`; `*` stands for all.',
      example: 'sub_filter_types text/css application/javascript;',
    },
    sub_filter_last_modified: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether `Last-Modified` of the answer is kept, and its `ETag` as a weak one. Otherwise both are taken away.',
      example: 'sub_filter_last_modified on;',
    },
  },
  check(block, c) {
    // There are none where each was wrong.
    const all = block.values.sub_filter as readonly Substitution[] | undefined;
    const own = block.own.includes('sub_filter') ? (all ?? []) : [];
    const over = c.statements('sub_filter')[PATTERNS_MAX];
    if (own.length > PATTERNS_MAX && over !== undefined) {
      c.report(over, 'invalid-value', `number of search patterns exceeds ${PATTERNS_MAX}`);
    }
  },
  headerFilter: {
    order: 28,
    pure: true,
    compile(conf, at) {
      if (conf.sub_filter.length === 0) return null;
      const covers = mediaTypeTest(conf.sub_filter_types.length === 0 ? HTML : conf.sub_filter_types);
      const rules = { once: conf.sub_filter_once, lastModified: conf.sub_filter_last_modified, covers };
      return compileFilter(conf.sub_filter, rules, at);
    },
  },
  bodyFilter: {
    order: 28,
    pure: true,
    compile: (conf) => (conf.sub_filter.length === 0 ? null : (x) => x.state(SUB) ?? null),
  },
});
