/** nginx's `ngx_http_map_module`: a variable whose value depends on other variables. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { custom, integer } from '../config/argument-types.js';
import { definedVariable } from '../config/assignment-argument.js';
import type { ArgumentContext, WithEntries } from '../config/directive.js';
import { parsePattern } from '../config/pattern.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import type { PatternData, TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { asciiLowerCase } from '../net/ascii-case.js';
import type { Exchange } from '../program/exchange.js';
import { type CompiledPattern, type Compiler, defineModule } from '../program/module.js';
import type { Template } from '../program/template.js';
import { type NameOutcome, WildcardNames } from '../routing/wildcard-names.js';

interface Source {
  readonly source: TemplateData;
  /** Variable that the map defines. */
  readonly variable: string;
}

interface Entries {
  /** Compared as host names, with wildcards; a trailing dot of the source is ignored. */
  readonly hostnames: boolean;
  /** Evaluated at each use. */
  readonly volatile: boolean;
  readonly fallback: TemplateData;
  /** Exact keys, in lower case. */
  readonly strings: readonly (readonly [string, TemplateData])[];
  /** Host names, in lower case; only with `hostnames`. */
  readonly names: readonly (readonly [string, TemplateData])[];
  /** Tried in this order if no string matches. */
  readonly patterns: readonly (readonly [PatternData, TemplateData])[];
}

function parseSource(words: readonly Word[], c: ArgumentContext): Source {
  const [source, name] = words as readonly [Word, Word]; // two words: `min` and `max`
  const variable = definedVariable(
    name,
    c,
    'the second parameter is the variable that the map defines: map $source $variable { ... }',
  );
  return { source: parseTemplate(source, c), variable };
}

function parseEntries(statements: readonly Statement[], c: ArgumentContext): Entries {
  const reader = new EntryReader(c);
  for (const statement of statements) c.attempt(() => reader.read(statement));
  const { hostnames, volatile, fallback, strings, names, patterns } = reader;
  return {
    hostnames,
    volatile,
    fallback: fallback ?? '',
    strings: [...strings].map(([key, { value }]) => [key, value] as const),
    names,
    patterns,
  };
}

function byKey([a]: readonly [string, TemplateData], [b]: readonly [string, TemplateData]): number {
  return a < b ? -1 : 1;
}

/** Reads the entries one by one; an invalid entry is reported and skipped. */
class EntryReader {
  hostnames = false;
  volatile = false;
  fallback: TemplateData | null = null;
  readonly strings = new Map<string, { readonly value: TemplateData; readonly at: Word }>();
  readonly names: [string, TemplateData][] = [];
  readonly patterns: [PatternData, TemplateData][] = [];
  /** Detects the conflicts among names that nginx's hash detects. */
  private readonly nameTable = new WildcardNames<true>();

  constructor(private readonly c: ArgumentContext) {}

  read(statement: Statement): void {
    const { name: key, args } = statement;
    const [word] = args;
    if (word === undefined && key.text === 'hostnames') {
      this.hostnames = true;
    } else if (word === undefined && key.text === 'volatile') {
      this.volatile = true;
    } else if (word === undefined || args.length > 1) {
      this.c.report(statement, 'argument-count', 'invalid number of the map parameters', {
        help: 'each line of a map is a key and a value: "a key" value;',
      });
    } else {
      this.readPair(key, parseTemplate(word, this.c));
    }
  }

  private readPair(key: Word, value: TemplateData): void {
    if (key.text === 'default') {
      if (this.fallback !== null) {
        this.c.report(key, 'duplicate-definition', 'duplicate default map parameter', {
          help: 'write \\default for the literal string',
        });
        return;
      }
      this.fallback = value;
    } else if (key.text.startsWith('~')) {
      const caseless = key.text.startsWith('~*');
      this.patterns.push([parsePattern(key, this.c, { caseless, from: caseless ? 2 : 1 }), value]);
    } else {
      const text = key.text.startsWith('\\') ? key.text.slice(1) : key.text;
      if (this.hostnames) this.addName(key, text, value);
      else this.addString(key, text, value);
    }
  }

  private addString(key: Word, text: string, value: TemplateData): void {
    const lower = asciiLowerCase(text);
    const first = this.strings.get(lower);
    if (first !== undefined) {
      this.c.report(key, 'duplicate-definition', `conflicting parameter "${asciiLowerCase(text)}"`, {
        help: 'keys are compared without regard to case',
        related: [{ at: first.at, message: 'first given here' }],
      });
      return;
    }
    this.strings.set(lower, { value, at: key });
  }

  private addName(key: Word, text: string, value: TemplateData): void {
    const outcome: NameOutcome = this.strings.has(asciiLowerCase(text))
      ? 'conflicting'
      : this.nameTable.add(text, true);
    if (outcome === 'conflicting') {
      this.c.report(key, 'duplicate-definition', `conflicting parameter "${asciiLowerCase(text)}"`);
    } else if (outcome === 'invalid') {
      this.c.report(key, 'invalid-value', `invalid hostname or wildcard "${text}"`, {
        help: 'only the first or the last label may be "*": *.example.com, www.example.*',
      });
    } else {
      this.names.push([asciiLowerCase(text), value]);
    }
  }
}

/** Result of a lookup: a string if it is constant. */
type Result = string | Template;

function compileMap({ source, variable }: Source, entries: Entries, compiler: Compiler): void {
  const result = (data: TemplateData): Result => (typeof data === 'string' ? data : compiler.template(data));
  const strings = new Map<string, Result>();
  for (const [key, value] of entries.strings) strings.set(key, result(value));
  const names = new WildcardNames<Result>();
  for (const [key, value] of entries.names) names.add(key, result(value));
  const named = entries.names.length > 0;
  const patterns: [CompiledPattern, Result][] = [];
  for (const [pattern, value] of entries.patterns) patterns.push([compiler.pattern(pattern), result(value)]);
  const fallback = result(entries.fallback);
  const { hostnames } = entries;

  const find = (x: Exchange, subject: string): Result => {
    const lower = asciiLowerCase(subject);
    const found = strings.get(lower) ?? (named ? names.find(lower) : undefined);
    if (found !== undefined) return found;
    // Like nginx, regular expressions are not tried on an empty string.
    if (subject !== '') {
      for (let i = 0; i < patterns.length; i++) {
        const [pattern, value] = patterns[i] as [CompiledPattern, Result];
        try {
          if (pattern.test(x, subject)) return value;
        } catch (error) {
          if (error instanceof MatchFailed) return fallback;
          throw error;
        }
      }
    }
    return fallback;
  };
  const from = compiler.template(source);
  compiler.define(
    variable,
    (x) => {
      let subject = from.of(x);
      if (hostnames && subject.endsWith('.')) subject = subject.slice(0, -1);
      const value = find(x, subject);
      return typeof value === 'string' ? value : value.of(x);
    },
    !entries.volatile,
  );
}

export default defineModule({
  name: 'map',
  doc: 'Defines variables whose values depend on other variables.',
  directives: {
    map: {
      contexts: ['http'],
      takes: custom('string $variable', 2, 2, parseSource),
      body: { entries: parseEntries },
      links: ({ argument, entries }: WithEntries<Source, Entries>) => ({
        name: `$${argument.variable}`,
        meaning: {
          argument,
          entries: { ...entries, strings: [...entries.strings].sort(byKey), names: [...entries.names].sort(byKey) },
        },
      }),
      repeat: true,
      doc: 'Defines a variable. Each line of the block is a key and the value for it. Keys are strings (compared case-insensitively) or, with `~` and `~*`, regular expressions, which are tried in the order of the configuration if no string matches. `default` is the value if no key matches. `hostnames` allows host names with wildcards as keys, `volatile` evaluates the variable at each use, `include` reads lines from a file. A backslash before a key removes its special meaning.',
      example: "map $http_upgrade $connection_upgrade {\n    default upgrade;\n    ''      close;\n}",
    },
    map_hash_max_size: {
      contexts: ['http'],
      takes: integer(),
      default: '2048',
      noEffect: 'The tables grow as needed.',
      doc: 'In nginx, the maximum size of the hash tables of maps.',
      example: 'map_hash_max_size 4096;',
    },
    map_hash_bucket_size: {
      contexts: ['http'],
      takes: integer(),
      default: '64',
      noEffect: 'The tables grow as needed.',
      doc: 'In nginx, the bucket size of the hash tables of maps.',
      example: 'map_hash_bucket_size 128;',
    },
  },
  async http(conf, _block, compiler) {
    const { slice } = compiler;
    for (const { argument, entries } of conf.map) {
      compileMap(argument, entries, compiler);
      if (slice.over) await slice.next();
    }
  },
});
