/** Directives for the writer: values are quoted as needed. */
import { writeValue } from '../../grammar/words.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { argumentsOf } from './crossplane/head-words.js';
import type { Directive } from './crossplane/payload.js';

/** File of root certificates in Debian and Alpine. */
export const ROOT_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** A directive with literal values: text in which `$` begins a variable. */
export function directive(name: string, ...values: readonly string[]): Directive {
  const written = [name, ...values].map((value) => writeValue(toBytes(value), ''));
  const { args = [] } = argumentsOf(written) ?? {};
  return { directive: name, args, written };
}

/** `if (…)`, whose parentheses are no part of its values. */
export function ifBlock(values: readonly string[], block: readonly Directive[]): Directive {
  const words = values.map((value) => writeValue(toBytes(value), ''));
  const written = ['if', ...words];
  if (/^["']/.test(words[0] ?? '')) written.splice(1, 0, '(');
  else written[1] = `(${written[1]}`;
  const last = written.length - 1;
  if (/["']$/.test(words.at(-1) ?? '')) written.push(')');
  else written[last] = `${written[last]})`;
  const { args = [] } = argumentsOf(written) ?? {};
  return { directive: 'if', args, written, block: [...block] };
}

export function block(name: string, values: readonly string[], items: readonly Directive[]): Directive {
  return { ...directive(name, ...values), block: [...items] };
}

const WIDTH = 100;

/** Comments on lines of their own. */
export function comments(texts: readonly string[]): Directive[] {
  return texts.flatMap((text) => {
    const lines: string[] = [];
    let line = '';
    for (const word of text.split(/\s+/)) {
      if (line !== '' && line.length + word.length >= WIDTH) {
        lines.push(line);
        line = '';
      }
      line += line === '' ? word : ` ${word}`;
    }
    return [...lines, line].map((each): Directive => ({ directive: '#', args: [], comment: ` ${toBytes(each)}` }));
  });
}

/** With a blank line before the first. */
export function apart(directives: readonly Directive[]): Directive[] {
  return directives.map((each, index) => (index === 0 ? { ...each, blank: true } : each));
}
