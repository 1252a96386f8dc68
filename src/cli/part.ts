/** Files that are parts of a configuration, such as those of `sites-enabled/`: detection, and the enclosing blocks. */
import type { Span, Statement } from '../../grammar/syntax-tree.js';
import { writeValue } from '../../grammar/words.js';
import { Catalogue } from '../config/catalogue.js';
import type { Context } from '../config/directive.js';
import { knownDirectives } from '../config/foreign/known-directives.js';
import { hasWildcard } from '../config/glob.js';
import type { ModuleDeclaration } from '../config/module-declaration.js';
import type { Finding } from '../diagnostics/finding.js';
import type { ConfigSource } from '../process/configuration.js';

/** Blocks that a part can belong to. */
export type Enclosing = 'http' | 'server' | 'location';

const ENCLOSING_TEXT: Readonly<Record<Enclosing, readonly [before: string, after: string]>> = {
  http: ['', ''],
  server: ['server {', '}'],
  location: ['server { location / {', '} }'],
};

/** Name of the text that includes the parts. */
export const WRAPPING = '<around>';

/**
 * The block that most of the directives on a file's outermost level belong into; null if that is the main context, and the
 * file is a whole configuration.
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

/** A file with the block that it is a part of. */
export interface Part {
  /** Absolute path. Bytes. */
  readonly name: string;
  readonly enclosing: Enclosing;
}

/**
 * A configuration that includes each part in its block; null if a part's name cannot be written in an include.
 *
 * @param variables names that the enclosing configuration defines
 */
export function wrapped(
  source: ConfigSource,
  parts: readonly Part[],
  variables: Iterable<string> = [],
): ConfigSource | null {
  if (parts.some(({ name }) => hasWildcard(name))) return null;
  const [first] = parts;
  const directory = source.confDirectory ?? first?.name.slice(0, first.name.lastIndexOf('/') + 1) ?? source.prefix;
  const defined = [...variables].map((name) => `map '' $${name} { default ''; }`);
  const included = parts.map(({ name, enclosing }) => {
    const [before, after] = ENCLOSING_TEXT[enclosing];
    return `${before} include ${writeValue(name, '"')}; ${after}`;
  });
  return {
    ...source,
    name: `${directory}${WRAPPING}`,
    text: `events { } http { ${[...defined, ...included].join('\n')} }`,
    confDirectory: directory,
  };
}

/** Findings that depend on declarations outside of a part, so that only the whole configuration shows them. */
const OUTSIDE: ReadonlySet<string> = new Set([
  'invalid-reference',
  'missing-zone',
  'missing-server',
  'host-not-found',
  'undefined-upstream',
  'unused-upstream',
  'named-location-unused',
  'resolver-missing',
  'variable-never-set',
  'capture-not-set',
  'hsts-missing',
]);

/** Findings that hold regardless of the rest of the configuration, without those of the enclosing text. */
export function findingsOfParts(findings: readonly Finding[]): Finding[] {
  return findings
    .filter((finding) => !dependsOnOutside(finding) && (finding.at === null || !isAround(finding.at)))
    .map(({ includedFrom = [], ...finding }) => {
      const chain = includedFrom.filter((at) => !isAround(at));
      return chain.length === 0 ? finding : { ...finding, includedFrom: chain };
    });
}

/** Includes a port in use: the pid file of the process that serves the part belongs to the whole configuration. */
function dependsOnOutside({ code, severity }: Finding): boolean {
  return OUTSIDE.has(code) || (code === 'cannot-listen' && severity === 'hint');
}

function isAround({ source }: Span): boolean {
  return source.name.endsWith(`/${WRAPPING}`);
}
