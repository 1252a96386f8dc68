/** Rewriting of what an upstream says about itself: `proxy_redirect`, `proxy_cookie_domain`, `proxy_cookie_path`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { parsePattern } from '../../config/pattern.js';
import { MatchFailed } from '../../config/pcre/match-failed.js';
import type { PatternData, TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { Exchange } from '../../exchange/exchange.js';
import type { CompiledPattern, Compiler } from '../../exchange/module.js';
import type { Template } from '../../exchange/template.js';

/** One rule as it was written. */
export type RewriteData =
  | 'off'
  | 'default'
  | { readonly pattern: TemplateData | { readonly regex: PatternData }; readonly replacement: TemplateData };

/** How the pattern of a rule compares. */
export type Comparison = 'prefix' | 'whole domain';

/** What a rule rewrites. */
export type Rewritten = 'redirect' | 'domain' | 'path';

/** `off`, (`default`,) or a pattern (`~` regex, `~*` the same in any case) and its replacement. */
export function rewriteRule(what: Rewritten): ArgumentType<RewriteData> {
  const single = what === 'redirect' ? ['off', 'default'] : ['off'];
  return custom<RewriteData>(`${single.join(' | ')} | pattern replacement`, 1, 2, (args, c) => {
    const [pattern, replacement] = args as readonly [Word, Word | undefined]; // one word at least: `min`
    if (replacement === undefined) {
      if (!single.includes(pattern.text)) c.fail(pattern, 'invalid-value', `invalid parameter "${pattern.text}"`);
      return pattern.text as 'off' | 'default';
    }
    const plain = !pattern.text.startsWith('~');
    // Domains are compared, and put in each other's place, without the dot that older cookies begin them with.
    const from = (word: Word) => (what === 'domain' && plain && word.text.startsWith('.') ? 1 : 0);
    return {
      pattern: plain ? parseTemplate(pattern, c, from(pattern)) : parseMatch(pattern, c, what),
      replacement: parseTemplate(replacement, c, from(replacement)),
    };
  });
}

function parseMatch(word: Word, c: ArgumentContext, what: Rewritten): { regex: PatternData } {
  // Domains have no case; `~*` is nothing that nginx knows there.
  const starred = what !== 'domain' && word.text.startsWith('~*');
  return { regex: parsePattern(word, c, { caseless: starred || what === 'domain', from: starred ? 2 : 1 }) };
}

/** What only shows with the other statements of the block: `off` stands alone, `default` behind a fixed `proxy_pass`. */
export function checkRewrites(c: CheckContext): void {
  for (const name of ['proxy_redirect', 'proxy_cookie_domain', 'proxy_cookie_path', 'proxy_cookie_flags']) {
    const statements = c.statements(name);
    if (statements.length < 2) continue;
    const off = statements.findIndex(({ args }) => args.length === 1 && args[0]?.text === 'off');
    const second = off < 0 ? undefined : statements[Math.max(off, 1)];
    if (second === undefined) continue;
    c.report(second.name, 'duplicate-directive', `"${name}" directive is duplicate`, {
      help: '"off" stands alone: it switches off what the blocks around have set',
    });
  }
  const pass = c.statements('proxy_pass')[0];
  const url = pass?.args[0]?.text ?? '';
  for (const { name, args } of c.statements('proxy_redirect')) {
    const word = args[0];
    if (args.length !== 1 || word?.text !== 'default') continue;
    if (pass === undefined || (pass.source === name.source && pass.start > name.start)) {
      const message = '"proxy_redirect default" should be placed after the "proxy_pass" directive';
      c.report(word, 'conflicting-directives', message, {
        help: 'it is made of the URL of the "proxy_pass" before it in the same block',
      });
    } else if (url.includes('$')) {
      const message = '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables';
      c.report(word, 'conflicting-directives', message, {
        help: 'write what is to be replaced: proxy_redirect http://backend/ /;',
        related: [{ at: pass, message: 'the URL has variables' }],
      });
    }
  }
}

interface Rule {
  readonly pattern: CompiledPattern | null;
  readonly text: Template | null;
  readonly replacement: Template;
  readonly comparison: Comparison;
}

/** The rules of one directive; the first that matches holds. */
export class Rewrites {
  private readonly rules: Rule[] = [];

  constructor(private readonly compiler: Compiler) {}

  get empty(): boolean {
    return this.rules.length === 0;
  }

  add(data: Exclude<RewriteData, string>, comparison: Comparison): void {
    const { compiler } = this;
    const { pattern } = data;
    const regex = typeof pattern === 'object' && 'regex' in pattern ? compiler.pattern(pattern.regex) : null;
    this.rules.push({
      pattern: regex,
      text: regex === null ? compiler.template(pattern as TemplateData) : null,
      replacement: compiler.template(data.replacement),
      comparison,
    });
  }

  /** The rewritten value, or null where no rule matches. */
  apply(x: Exchange, value: string): string | null {
    for (const rule of this.rules) {
      if (rule.pattern !== null) {
        if (matches(x, rule.pattern, value)) return rule.replacement.of(x);
        continue;
      }
      const text = rule.text?.of(x) ?? '';
      if (rule.comparison === 'prefix') {
        if (value.startsWith(text)) return rule.replacement.of(x) + value.slice(text.length);
      } else {
        const dot = value.startsWith('.') ? 1 : 0;
        if (value.slice(dot).toLowerCase() === text.toLowerCase()) return value.slice(0, dot) + rule.replacement.of(x);
      }
    }
    return null;
  }
}

/** A search that is given up is one that finds nothing, as in nginx. */
function matches(x: Exchange, pattern: CompiledPattern, value: string): boolean {
  try {
    return pattern.test(x, value);
  } catch (error) {
    if (error instanceof MatchFailed) return false;
    throw error;
  }
}
