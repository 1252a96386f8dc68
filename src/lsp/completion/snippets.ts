/** Snippets of directives: the name, tab stops for the arguments, and `;` or a block. */
import type { DirectiveSpec } from '../../config/directive.js';
import { syntaxWords } from '../syntax-words.js';

/** Maximum number of alternatives in a choice. */
const MAX_CHOICES = 12;

/** Text with tab stops, in the notation of the protocol. */
export function snippetOf(name: string, spec: DirectiveSpec): string {
  const { takes, body } = spec;
  const argument = takes.max === 0 || (takes.min === 0 && body !== undefined) ? '' : ` ${placeOf(takes.syntax)}`;
  return body === undefined ? `${name}${argument};$0` : `${name}${argument} {\n\t$0\n}`;
}

/** Tab stop for the arguments: a choice if the syntax lists all of them. */
function placeOf(syntax: string): string {
  const choices = choicesOf(syntax);
  if (choices.length > 1 && choices.length <= MAX_CHOICES) return `\${1|${choices.map(escaped).join(',')}|}`;
  return '$1';
}

/** All possible words, if the syntax consists of alternatives only; otherwise none. */
function choicesOf(syntax: string): readonly string[] {
  const alternatives = syntax.replace(/ \.\.\.$/, '').split(' | ');
  const { flags } = syntaxWords(syntax);
  return alternatives.every((each) => flags.includes(each)) ? flags : [];
}

function escaped(text: string): string {
  return text.replace(/[\\$}|,]/g, '\\$&');
}
