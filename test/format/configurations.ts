/** Configurations as nobody would write them, for properties: any words, blanks, comments and line ends. */
import fc from 'fast-check';
import { type Comment, type Item, isStatement } from '../../grammar/index.js';

const blank = fc.constantFrom(' ', '\t', '\n', '\r\n', '   ', '\n\n\n', ' \r\n\t');
const commentText = fc.stringMatching(/^[ a-z;{}"'#\\$\xa0\xc3\xff]{0,10}$/);
const comment = commentText.map((text) => ` #${text}\n`);
/** Separators between words that must be separated. */
const gap = fc.oneof(
  { weight: 8, arbitrary: blank },
  { weight: 1, arbitrary: fc.tuple(blank, comment).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.tuple(comment, comment).map((parts) => parts.join('')) },
);
/** Optional separators. */
const optional = fc.oneof(fc.constant(''), gap);

const plain = fc.oneof(
  fc.stringMatching(/^[a-z_/.$0-9~^*=()]{1,10}$/),
  fc.constantFrom('a"b', 'a#b', 'a}', '${a}', 'a\\ b', '\\"', '\\;', '\xe9', 'a\\\nb', '$', ')'),
);
const quoted = fc
  .tuple(fc.constantFrom('"', "'"), fc.stringMatching(/^[ a-z;{}#\n\t\r$\xa0]{0,12}$/), fc.boolean())
  .map(([quote, text, escapes]) => `${quote}${text}${escapes ? `\\${quote}` : ''}${quote}`);
const word = fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: quoted });
const head = fc
  .tuple(word, fc.array(fc.tuple(gap, word), { maxLength: 5 }), optional)
  .map(([name, args, end]) => name + args.flat().join('') + end);
const lua = fc
  .constantFrom('{}', "{ local a = '}' -- it's\n }", '{\n\n\n  if #t then return { 1 } end\r\n\t}')
  .map((block) => `x_by_lua_block ${block}`);

const { items } = fc.letrec<{ items: string; item: string }>((tie) => ({
  items: fc.array(tie('item'), { maxLength: 5 }).map((all) => all.join('')),
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(optional, head).map(([before, text]) => `${before}${text};`),
    fc.tuple(optional, fc.oneof(comment, blank, lua)).map((parts) => parts.join('')),
    fc.tuple(optional, head, tie('items'), optional).map(([before, text, inner, end]) => {
      return `${before}${text}{${inner}${end}}`;
    }),
  ),
}));

/** The text of a whole configuration, as bytes. Nearly all of them are without mistakes. */
export const configuration: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom('', '\xef\xbb\xbf'), items, optional)
  .map((parts) => parts.join(''));

/**
 * Meaning of a tree, without its layout. A comment among the words of a statement is listed with the number of words before
 * it; one behind the last word counts as following the statement, or as the first item of its block.
 */
export function meaning(list: readonly Item[]): unknown[] {
  const told: unknown[] = [];
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    if (item === undefined) break;
    if (!isStatement(item)) {
      told.push(textOf(item));
      continue;
    }
    const words = [item.name, ...item.args];
    const last = words.at(-1)?.start ?? 0;
    const around = item.block === null ? list.slice(i + 1) : item.block.items;
    const inside: [number, string][] = [];
    for (const one of around) {
      if (isStatement(one) || one.start > last || one.start < item.start) break;
      inside.push([words.filter(({ start }) => start < one.start).length, textOf(one)]);
    }
    if (item.block === null) i += inside.length;
    const block = item.block && [item.block.foreign, meaning(item.block.items.slice(inside.length))];
    told.push([words.map(({ quote, text }) => [quote, text]), inside, block]);
  }
  return told;
}

function textOf({ text }: Comment): string {
  return text.replace(/[ \t\r]+$/, '');
}
