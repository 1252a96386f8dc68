/** Finds variables that a configuration uses without a definition, and those that it must not define. */
import type { Span } from '../../grammar/syntax-tree.js';
import type { Fix } from '../diagnostics/finding.js';
import { isOneSlip, Suggestions } from '../diagnostics/nearest.js';
import type { Catalogue } from './catalogue.js';
import type { CheckState } from './check-state.js';
import { reasonFor, titleOfModules } from './foreign/known-directives.js';
import { knownVariable } from './foreign/known-variables.js';
import { unexpandedHelp } from './unexpanded-template.js';

/**
 * Reports each use of an unknown variable, and each definition of one that belongs to a module. Call when the whole
 * text has been read.
 */
export function checkVariables(catalogue: Catalogue, state: CheckState): void {
  for (const { name, at } of state.defines) {
    if (catalogue.isFixed(name)) {
      state.report(at, 'duplicate-definition', `the duplicate "${name}" variable`, {
        help: 'this is a built-in variable; choose another name',
      });
    }
  }
  const defined = new Set(state.defines.map(({ name }) => name));
  const candidates = [...defined, ...catalogue.variableNames()];
  const suggestions = new Suggestions();
  for (const { name, at } of state.uses) {
    if (defined.has(name) || catalogue.hasVariable(name) || state.mayDefine.has(name)) {
      continue;
    }
    const owner = knownVariable(name);
    if (owner !== undefined) {
      const reason = reasonFor([owner], catalogue);
      const consequence = owner.emptyWithout ? 'it is empty' : 'requests that depend on it are answered with 501';
      state.report(at, 'nginx-only-variable', `variable "${name}" is not supported`, {
        ...(state.allowsUnsupported && { severity: 'warning' }),
        missing: { name: `$${name}`, module: titleOfModules([owner]) },
        help: `${reason}; ${state.allowsUnsupported ? '' : 'with --allow-unsupported, '}${consequence}`,
      });
      continue;
    }
    // Every name is similar to a single letter.
    const near = name.length < 2 ? [] : suggestions.nearest(name, candidates);
    const [meant] = near;
    state.report(at, 'unknown-variable', `unknown "${name}" variable`, {
      help: meant === undefined ? helpFor(at) : `did you mean "$${meant}"?`,
      ...(meant !== undefined && { fix: fixOf(name, at, meant, near) }),
    });
  }
}

/** Help for a name without similar ones. Names of environment variables are in capitals. */
function helpFor({ source, start, end }: Span): string {
  return unexpandedHelp(source.text.slice(start, end)) ?? 'no module, set, map or named group defines it';
}

/** Replaces the name, if the span is exactly that of the variable. */
function fixOf(name: string, at: Span, meant: string, near: readonly string[]): Fix {
  const written = at.source.text.slice(at.start, at.end);
  const isWhole = /^\$\{?\w+\}?$/.test(written);
  // Short names, and numbered ones, are easily confused.
  const isSure =
    name.length >= 4 && isOneSlip(name, meant, near) && name.replace(/\d/g, '') !== meant.replace(/\d/g, '');
  return {
    title: `write $${meant}`,
    guess: !isSure,
    edits: isWhole ? [{ at, text: written.startsWith('${') ? `\${${meant}}` : `$${meant}` }] : [],
  };
}
