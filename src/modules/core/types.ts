/** `types` and `default_type`: media types by file extension. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import { named, none, text } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import type { Scope } from '../../program/module.js';

/** Extension in lower case, and media type. */
type TypeEntry = readonly [extension: string, type: string];

/** Default of `types`. */
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
        c.report(gap, 'missing-semicolon', `"${word.text}" is parsed as an extension of "${name.text}"`, {
          severity: 'warning',
          help: `"${word.text}" starts a line and is a media type itself: a ";" may be missing before it`,
          fix: { title: 'insert ;', guess: true, edits: [{ at: gap, text: ';' }] },
        });
      }
      const extension = word.text.toLowerCase();
      const previous = types.get(extension);
      if (previous !== undefined) {
        const message = `duplicate extension "${extension}", content type: "${name.text}", previous content type: "${previous}"`;
        c.report(word, 'duplicate-value', message, { severity: 'warning', help: 'the last one is used' });
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
    doc: 'Media types of files by file extension (case-insensitive): each line is a type and its extensions. `include` reads lines from a file. By default, `html`, `gif` and `jpg` are defined.',
    example: 'types {\n    text/html html htm;\n    image/png png;\n}',
  },
  default_type: {
    contexts: CONTEXTS,
    takes: named('mime-type', text),
    default: 'text/plain',
    doc: 'Media type of responses whose file extension is not in `types`.',
    example: 'default_type application/octet-stream;',
  },
} as const satisfies Directives;

/** One map per list of `types`, shared by all locations that inherit it. */
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
