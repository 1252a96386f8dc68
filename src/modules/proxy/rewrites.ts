/** Rewriting of upstream names in responses: `proxy_redirect`, `proxy_cookie_domain`, `proxy_cookie_path`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { parsePattern } from '../../config/pattern.js';
import { MatchFailed } from '../../config/pcre/match-failed.js';
import type { PatternData, TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { Exchange } from '../../program/exchange.js';
import type { CompiledPattern, Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';

/** One rule as configured. */
export type RewriteData =
  | 'off'
  | 'default'
  | { readonly pattern: TemplateData | { readonly regex: PatternData }; readonly replacement: TemplateData };

/** Comparison of a rule's pattern with a value. */
export type Comparison = 'prefix' | 'whole domain';

/** Subject of a rule. */
export type Rewritten = 'redirect' | 'domain' | 'path';

/** `off`, (`default`,) or a pattern (`~` regex, `~*` case-insensitive regex) and its replacement. */
export function rewriteRule(subject: Rewritten): ArgumentType<RewriteData> {
  const single = subject === 'redirect' ? ['off', 'default'] : ['off'];
  return custom<RewriteData>(`${single.join(' | ')} | pattern replacement`, 1, 2, (args, c) => {
    const [pattern, replacement] = args as readonly [Word, Word | undefined]; // one word at least: `min`
    if (replacement === undefined) {
      if (!single.includes(pattern.text)) c.fail(pattern, 'invalid-value', `invalid parameter "${pattern.text}"`);
      return pattern.text as 'off' | 'default';
    }
    const plain = !pattern.text.startsWith('~');
    // Domains are compared and replaced without a leading dot, which older cookies have.
    const from = (word: Word) => (subject === 'domain' && plain && word.text.startsWith('.') ? 1 : 0);
    return {
      pattern: plain ? parseTemplate(pattern, c, from(pattern)) : parseMatch(pattern, c, subject),
      replacement: parseTemplate(replacement, c, from(replacement)),
    };
  });
}

function parseMatch(word: Word, c: ArgumentContext, subject: Rewritten): { regex: PatternData } {
  // Domains are case-insensitive; nginx has no `~*` for them.
  const caseless = subject !== 'domain' && word.text.startsWith('~*');
  return { regex: parsePattern(word, c, { caseless: caseless || subject === 'domain', from: caseless ? 2 : 1 }) };
}

/** Checks across the statements of a block: `off` must be the only one, `default` must follow a `proxy_pass` without variables. */
export function checkRewrites(c: CheckContext): void {
  for (const name of ['proxy_redirect', 'proxy_cookie_domain', 'proxy_cookie_path', 'proxy_cookie_flags']) {
    const statements = c.statements(name);
    if (statements.length < 2) continue;
    const off = statements.findIndex(({ args }) => args.length === 1 && args[0]?.text === 'off');
    const second = off < 0 ? undefined : statements[Math.max(off, 1)];
    if (second === undefined) continue;
    c.report(second.name, 'duplicate-directive', `"${name}" directive is duplicate`, {
      help: '"off" must be the only one: it disables rewrites of enclosing blocks',
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
        help: 'it is derived from the URL of the preceding "proxy_pass" in the same block',
      });
    } else if (url.includes('$')) {
      const message = '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables';
      c.report(word, 'conflicting-directives', message, {
        help: 'write the text to be replaced: proxy_redirect http://backend/ /;',
        related: [{ at: pass, message: 'the URL contains variables' }],
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

/** Rules of one directive; the first match is used. */
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

  /** Rewrites a value; null if no rule matches. */
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

/** A search that exceeds its limit does not match, as in nginx. */
function matches(x: Exchange, pattern: CompiledPattern, value: string): boolean {
  try {
    return pattern.test(x, value);
  } catch (error) {
    if (error instanceof MatchFailed) return false;
    throw error;
  }
}
