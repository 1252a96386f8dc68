/** Findings for a directive that is not allowed in its context: unknown or misplaced. */
import { positionOf } from '../../grammar/positions.js';
import { isStatement, type Statement } from '../../grammar/syntax-tree.js';
import { isOneSlip } from '../diagnostics/nearest.js';
import type { Catalogue, Declared } from './catalogue.js';
import type { CheckState } from './check-state.js';
import type { Context, FindingOptions } from './directive.js';
import { knownDirectives } from './foreign/known-directives.js';
import type { Level } from './level.js';
import { headOf } from './statement.js';
import { unclosedBlock } from './unclosed-block.js';

/** Directives removed from nginx, with their replacement. */
const REMOVED: Readonly<Record<string, string>> = {
  ssl: 'use the parameter of listen: listen 443 ssl;',
  limit_zone: 'use limit_conn_zone',
  spdy_chunk_size: 'SPDY was replaced by HTTP/2',
  spdy_headers_comp: 'SPDY was replaced by HTTP/2',
  proxy_downstream_buffer: 'use proxy_buffer_size',
  proxy_upstream_buffer: 'use proxy_buffer_size',
};

/** Reports the directive; returns the one that was probably meant, so that its block can be checked as such. */
export function reportUnknown(
  statement: Statement,
  level: Level,
  catalogue: Catalogue,
  state: CheckState,
): Declared | undefined {
  const { context } = level;
  const name = statement.name.text;
  const elsewhere = catalogue.all(name);
  const known = knownDirectives(name);
  if (elsewhere.length > 0 || known.length > 0) {
    const contexts = (elsewhere.length > 0 ? elsewhere.map(({ spec }) => spec) : known).flatMap(
      (one) => one.contexts ?? [],
    );
    state.report(statement.name, 'wrong-context', `"${name}" directive is not allowed here`, {
      help: `${context === 'main' ? 'this is the outermost level' : `this is inside "${context}"`}; ${placesOf(name, contexts)}`,
      ...unclosedBlockOptions(statement, level),
    });
    return elsewhere[0];
  }
  const instead = Object.hasOwn(REMOVED, name) ? REMOVED[name] : undefined;
  if (instead !== undefined) {
    state.report(statement.name, 'unknown-directive', `unknown directive "${name}"`, {
      help: `it was removed from nginx; ${instead}`,
    });
    return undefined;
  }
  const candidates = catalogue.suggestions.nearest(name, catalogue.names());
  const meant = candidates.find((candidate) => catalogue.find(candidate, context) !== undefined) ?? candidates[0];
  state.report(statement.name, 'unknown-directive', `unknown directive "${name}"`, {
    ...(meant !== undefined && {
      help: `did you mean "${meant}"?`,
      fix: {
        title: `write ${meant}`,
        guess: !isOneSlip(name, meant, candidates),
        edits: [{ at: statement.name, text: meant }],
      },
    }),
  });
  recordVariables(statement, state);
  return meant === undefined ? undefined : (catalogue.find(meant, context) ?? catalogue.all(meant)[0]);
}

/**
 * For a directive that is allowed further out: refers to the unclosed block before it, as far as the indentation shows
 * it.
 */
function unclosedBlockOptions(statement: Statement, level: Level): FindingOptions {
  const unclosed = unclosedBlock(statement, level);
  if (unclosed === null) return {};
  const { line } = positionOf(unclosed.next.source, unclosed.next.start);
  const message = `by the indentation, the "}" of this block is missing before line ${line}`;
  return { related: [{ at: headOf(unclosed.opener), message }] };
}

function placesOf(name: string, contexts: readonly Context[]): string {
  if (contexts.length === 0) {
    return `"${name}" belongs to a part of nginx outside of HTTP`;
  }
  const places = [...new Set(contexts)].map((context) => (context === 'main' ? 'the outermost level' : context));
  return `"${name}" is allowed in: ${places.join(', ')}`;
}

/**
 * Records the variable names that an unimplemented directive may define: which of its words are names is unknown
 * (`auth_request_set $x ...`).
 */
export function recordVariables({ args, block }: Statement, state: CheckState): void {
  const words = [...args, ...(block?.items.filter(isStatement).map(({ name }) => name) ?? [])];
  for (const { text } of words) {
    const [, name] = /^(?:to=)?\$(\w+)$/.exec(text) ?? [];
    if (name !== undefined) state.mayDefine.add(name.toLowerCase());
  }
}
