/** `types` and `default_type`: media types by file extension. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import { named, none, text } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import type { Scope } from '../../exchange/module.js';

/** Extension in lower case, and media type. */
type TypeEntry = readonly [extension: string, type: string];

/** What holds where no `types` is written. */
const DEFAULT_TYPES: readonly TypeEntry[] = [
  ['html', 'text/html'],
  ['gif', 'image/gif'],
  ['jpg', 'image/jpeg'],
];

function parseTypes(statements: readonly Statement[], c: ArgumentContext): readonly TypeEntry[] {
  const types = new Map<string, string>();
  for (const { name, args } of statements) {
    for (const [i, word] of args.entries()) {
      const { start } = word;
      const before = args[i - 1] ?? name;
      if (word.text.includes('/') && word.source.text.slice(before.end, start).includes('\n')) {
        const gap = { source: word.source, start: before.end, end: before.end };
        c.report(gap, 'missing-semicolon', `"${word.text}" is taken for an extension of "${name.text}"`, {
          severity: 'warning',
          help: `"${word.text}" begins a line and is a media type of its own: perhaps a ";" is missing before it`,
          fix: { title: 'insert ;', guess: true, edits: [{ at: gap, text: ';' }] },
        });
      }
      const extension = word.text.toLowerCase();
      const previous = types.get(extension);
      if (previous !== undefined) {
        const message = `duplicate extension "${extension}", content type: "${name.text}", previous content type: "${previous}"`;
        c.report(word, 'duplicate-value', message, { severity: 'warning', help: 'the last one holds' });
      }
      types.set(extension, name.text);
    }
  }
  return [...types];
}

const CONTEXTS = ['http', 'server', 'location'] as const;

export const typeDirectives = {
  types: {
    contexts: CONTEXTS,
    takes: none,
    body: { entries: parseTypes },
    repeat: true,
    doc: 'The media types of files, by extension without regard to case: each line is a type and its extensions. `include` reads lines from a file. Without it `html`, `gif` and `jpg` are known.',
    example: 'types {\n    text/html html htm;\n    image/png png;\n}',
  },
  default_type: {
    contexts: CONTEXTS,
    takes: named('mime-type', text),
    default: 'text/plain',
    doc: 'The media type of answers for which `types` has none.',
    example: 'default_type application/octet-stream;',
  },
} as const satisfies Directives;

/** One map for each list of `types`, however many locations inherit it. */
const maps = new WeakMap<object, ReadonlyMap<string, string>>();

export function applyTypes(conf: ConfOf<typeof typeDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.defaultType = conf.default_type;
  let map = maps.get(conf.types);
  if (map === undefined) {
    map = new Map(conf.types.length === 0 ? DEFAULT_TYPES : conf.types.flatMap(({ entries }) => entries));
    maps.set(conf.types, map);
  }
  settings.types = map;
}
