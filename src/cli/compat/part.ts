/** A file that is a part of a configuration, such as one of `sites-enabled/`: where it would have to be included. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import { writeValue } from '../../../grammar/words.js';
import { Catalogue } from '../../config/catalogue.js';
import type { Context } from '../../config/directive.js';
import { hasWildcard } from '../../config/glob.js';
import { knownDirectives } from '../../config/known-directives.js';
import type { ModuleDeclaration } from '../../config/module-declaration.js';
import type { ConfigSource } from '../../process/configuration.js';

/** The blocks that a file can be a part of. */
export type Enclosing = 'http' | 'server' | 'location';

const AROUND: Readonly<Record<Enclosing, readonly [before: string, after: string]>> = {
  http: ['http {', '}'],
  server: ['http { server {', '} }'],
  location: ['http { server { location / {', '} } }'],
};

/** What the text that includes the part is called. */
export const WRAPPING = '<around>';

/**
 * The block that most of the directives on a file's outermost level belong into; null where that is no block: the file is
 * a whole configuration.
 */
export function enclosingOf(statements: readonly Statement[], modules: readonly ModuleDeclaration[]): Enclosing | null {
  const catalogue = new Catalogue(modules);
  const counts = new Map<Context, number>();
  for (const { name } of statements) {
    const known = [...catalogue.all(name.text).map(({ spec }) => spec), ...knownDirectives(name.text)];
    for (const context of new Set(known.flatMap(({ contexts }) => contexts ?? []))) {
      counts.set(context, (counts.get(context) ?? 0) + 1);
    }
  }
  let best: Context = 'main';
  for (const context of ['http', 'server', 'location'] as const) {
    if ((counts.get(context) ?? 0) > (counts.get(best) ?? 0)) best = context;
  }
  return best === 'main' ? null : best;
}

/** A configuration that includes the file in such a block; null where no include can name it. */
export function wrapped(source: ConfigSource, enclosing: Enclosing): ConfigSource | null {
  const { name } = source;
  if (hasWildcard(name)) return null;
  const [before, after] = AROUND[enclosing];
  const directory = name.slice(0, name.lastIndexOf('/') + 1);
  return {
    ...source,
    name: `${directory}${WRAPPING}`,
    text: `events { } ${before} include ${writeValue(name, '"')}; ${after}`,
    confDirectory: directory,
  };
}
