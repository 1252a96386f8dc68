/** Rewriting of what an upstream says about itself: `proxy_redirect`, `proxy_cookie_domain`, `proxy_cookie_path`. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import { parsePattern } from '../../config/pattern.js';
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

/** `off`, (`default`,) or a pattern (`~` regex, `~*` the same in any case) and its replacement. */
export function rewriteRule(words: 'redirect' | 'cookie'): ArgumentType<RewriteData> {
  const single = words === 'redirect' ? ['off', 'default'] : ['off'];
  return custom<RewriteData>(`${single.join(' | ')} | pattern replacement`, 1, 2, (args, c) => {
    const [pattern, replacement] = args as readonly [Word, Word | undefined]; // one word at least: `min`
    if (replacement === undefined) {
      if (!single.includes(pattern.text)) c.fail(pattern, 'invalid-value', `invalid parameter "${pattern.text}"`);
      return pattern.text as 'off' | 'default';
    }
    return { pattern: parseMatch(pattern, c, words), replacement: parseTemplate(replacement, c) };
  });
}

function parseMatch(
  word: Word,
  c: ArgumentContext,
  words: 'redirect' | 'cookie',
): TemplateData | { regex: PatternData } {
  if (!word.text.startsWith('~')) return parseTemplate(word, c);
  const caseless = word.text.startsWith('~*');
  const skip = caseless ? 2 : 1;
  const rest: Word = { ...word, text: word.text.slice(skip) };
  // A cookie's attributes compare without regard to case.
  return { regex: parsePattern(rest, c, { caseless: caseless || words === 'cookie' }) };
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
        if (rule.pattern.test(x, value)) return rule.replacement.of(x);
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
