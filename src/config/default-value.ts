/** Value of a directive that is not written. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import type { ArgumentContext, DirectiveSpec } from './directive.js';

/**
 * The default of one directive. Throws if the declaration's own text does not parse, which is an error in the module.
 */
export function defaultOf(name: string, spec: DirectiveSpec): unknown {
  if (spec.default === undefined) return spec.repeat === true ? [] : undefined;
  const source = { name: `default of ${name}`, text: spec.default };
  const words: Word[] = [];
  for (const match of spec.default.matchAll(/"((?:[^"\\]|\\.)*)"|\S+/g)) {
    words.push({
      source,
      start: match.index,
      end: match.index + match[0].length,
      text: match[1] ?? match[0],
      quote: match[1] === undefined ? '' : '"',
    });
  }
  const first = words[0] ?? { source, start: 0, end: 0, text: '', quote: '' as const };
  const statement: Statement = { kind: 'statement', source, start: 0, end: 0, name: first, args: words, block: null };
  const context: ArgumentContext = {
    directive: name,
    context: spec.contexts[0] ?? 'main',
    statement,
    path: (relative) => relative,
    place: (at) => ({ file: at.source.name, line: 1, column: at.start + 1 }),
    fail: (_at, _code, message) => {
      throw new Error(`default of ${name}: ${message}`);
    },
    unsupported: () => {},
    report: () => {},
    attempt: (parse) => ({ value: parse(context) }),
    uses: () => {},
    defines: () => {},
  };
  const value = spec.takes.parse(words, context);
  return spec.repeat === true ? [value] : value;
}
