/** Findings about parts of a configuration that depend on the rest of it. */
import type { Source, Span } from '../../grammar/syntax-tree.js';
import type { Finding } from '../diagnostics/finding.js';
import { WRAPPING } from './part.js';

/** Codes of findings that depend on declarations outside of a part, so that only the whole configuration shows them. */
const OUTSIDE: ReadonlySet<string> = new Set([
  'invalid-reference',
  'missing-events',
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
  'default-server-doubt',
  'nginx-default',
]);

/** Findings that hold regardless of the rest of the configuration, without those about the enclosing text. */
export function findingsOfParts(findings: readonly Finding[]): Finding[] {
  return findings
    .filter((finding) => !dependsOnOutside(finding) && (finding.at === null || !isEnclosing(finding.at.source)))
    .map(({ includedFrom = [], ...finding }) => {
      const chain = includedFrom.filter(({ source }) => !isEnclosing(source));
      return chain.length === 0 ? finding : { ...finding, includedFrom: chain };
    });
}

/**
 * Directives of `http` that define names that the findings report as undefined. Zones, log formats and variables, unless they
 * are similar to a known one, are assumed to be defined in the rest of the configuration.
 */
export function assumptions(findings: readonly Finding[]): string[] {
  const assumed = new Set<string>();
  for (const { code, message, at, fix } of findings) {
    const name = /"([^"]*)"/.exec(message)?.[1] ?? '';
    if (code === 'connection-upgrade-undefined' || (code === 'unknown-variable' && fix === undefined)) {
      assumed.add(`map '' $${name} { default ''; }`);
    } else if (code === 'invalid-reference' && at !== null && /^[\w.-]+$/.test(name)) {
      const text = definitionFor(directiveAt(at), name);
      if (text !== null) assumed.add(text);
    }
  }
  return [...assumed];
}

/** Definition of a name that a directive refers to; null if there is none. */
function definitionFor(directive: string, name: string): string | null {
  switch (directive) {
    case 'limit_req':
      return `limit_req_zone $binary_remote_addr zone=${name}:1m rate=1000r/s;`;
    case 'limit_conn':
      return `limit_conn_zone $binary_remote_addr zone=${name}:1m;`;
    case 'access_log':
      return `log_format ${name} '$remote_addr';`;
    default:
      return null;
  }
}

/** Name of the directive that a word belongs to. */
function directiveAt({ source, start }: Span): string {
  const before = source.text.slice(Math.max(0, start - 1000), start);
  return /(?:^|[;{}\n])\s*([a-z_]+)[^;{}\n]*$/.exec(before)?.[1] ?? '';
}

/**
 * Whether a finding depends on the rest of the configuration. A port in use does: the process that serves the part may use it,
 * and its pid file is named by the whole configuration.
 */
function dependsOnOutside({ code, severity, fix }: Finding): boolean {
  if (code === 'unknown-variable' || code === 'connection-upgrade-undefined') return fix === undefined;
  return OUTSIDE.has(code) || (code === 'cannot-listen' && severity === 'hint');
}

/** Whether a source is the text that encloses parts. */
export function isEnclosing({ name }: Source): boolean {
  return name.endsWith(`/${WRAPPING}`);
}
