/** Text of directives in crossplane's form, in the canonical layout. */
import { holdsLua } from '../../../grammar/lua-block.js';
import { parse } from '../../../grammar/parser.js';
import { print } from '../../../grammar/print.js';
import { argumentsOf, sameWords, wordsFor } from './head-words.js';
import { type Directive, PayloadMistake } from './payload.js';
import { directivesOf } from './to-payload.js';

/** Throws PayloadMistake if no text has these directives. */
export function textOf(directives: readonly Directive[]): string {
  const text = linesOf(directives, '', 0);
  const { items, mistakes } = parse({ name: '<json>', text });
  const mistake = mistakes[0];
  if (mistake !== undefined) throw new PayloadMistake(`a directive cannot be written: ${mistake.message}`);
  const different = firstDifference(
    directives,
    directivesOf(items, () => {}),
  );
  if (different !== null) throw new PayloadMistake(`directive "${different}" cannot be written`);
  return print(items);
}

/** Name of the first directive that is not the same, apart from its notation; null if all are. */
function firstDifference(one: readonly Directive[], other: readonly Directive[]): string | null {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [given, got] = [one[index], other[index]];
    if (given === undefined || got === undefined) return (given ?? got)?.directive ?? '';
    const isSame =
      given.directive === got.directive &&
      given.comment?.trimEnd() === got.comment?.trimEnd() &&
      sameWords(given.args, got.args) &&
      (given.block === undefined) === (got.block === undefined);
    if (!isSame) return given.directive;
    const inner = firstDifference(given.block ?? [], got.block ?? []);
    if (inner !== null) return inner;
  }
  return null;
}

/**
 * @param opening text before them, such as the head of their block
 * @param line the line of that text
 */
function linesOf(directives: readonly Directive[], opening: string, line: number): string {
  let text = opening;
  let lastLine = line;
  for (let next = 0; next < directives.length; next++) {
    const directive = directives[next];
    if (directive === undefined) break;
    if (directive.blank) text += '\n';
    if (directive.directive === '#') {
      const isTrailing = directive.trailing ?? (directive.line !== undefined && directive.line === lastLine);
      text = isTrailing ? `${text.trimEnd()} ${comment(directive)}` : `${text}${comment(directive)}`;
      lastLine = directive.line ?? 0;
    } else {
      const inner = insideHead(directive.block ?? directives.slice(next + 1));
      text += statement(directive, inner);
      if (directive.block === undefined) next += inner.length;
      lastLine = (directive.block === undefined ? inner.at(-1) : null)?.line ?? directive.line ?? 0;
      // A line of its own for the next item.
      text += '\n';
    }
  }
  return text;
}

function comment(directive: Directive): string {
  return `#${directive.comment ?? ''}\n`;
}

/** Comments in the head of a directive, which come next. */
function insideHead(directives: readonly Directive[]): Directive[] {
  const end = directives.findIndex(({ directive, before }) => directive !== '#' || before === undefined);
  return directives.slice(0, end < 0 ? directives.length : end);
}

function statement(directive: Directive, inner: readonly Directive[]): string {
  const { args, block, breaks, apart } = directive;
  const isForeign = holdsLua(directive.directive) && block === undefined && args.length > 0;
  const own = isForeign ? args.slice(0, -1) : args;
  const known = directive.written === undefined ? null : argumentsOf(directive.written);
  const keeps = known !== null && known.directive === directive.directive && sameWords(known.args, own);
  const words = keeps && directive.written ? directive.written : wordsFor(directive.directive, own);
  const isAsWritten = keeps || directive.written === undefined;
  const comments = [...inner];
  let lastLine = directive.line ?? 0;
  let text = words[0] ?? '';
  const writeComments = (upTo: number): void => {
    while (comments[0] && (comments[0].before ?? 0) <= upTo) {
      const next = comments.shift();
      if (next === undefined) return;
      const isTrailing = next.trailing ?? (next.line !== undefined && next.line === lastLine);
      text += `${isTrailing ? ' ' : text.endsWith('\n') ? '' : '\n'}${comment(next)}`;
      lastLine = next.line ?? 0;
    }
  };
  words.slice(1).forEach((word, index) => {
    if (isAsWritten) writeComments(index);
    const before = words[index] ?? '';
    const adjoins = word.startsWith(')') && /^["']/.test(before) && !apart?.includes(index);
    const isBroken = isAsWritten && breaks?.includes(index);
    text += text.endsWith('\n') ? word : `${isBroken ? '\n' : adjoins ? '' : ' '}${word}`;
  });
  writeComments(Number.POSITIVE_INFINITY);
  if (isForeign) return `${text} {${args.at(-1)}}`;
  if (block === undefined) return `${text};`;
  const rest = block.slice(inner.length);
  return `${linesOf(rest, `${text} {\n`, inner.at(-1)?.line ?? directive.line ?? 0)}}`;
}
