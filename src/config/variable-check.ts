/** Finds the variables that a configuration uses and nothing defines, and those that it defines and may not. */
import { Suggestions } from '../diagnostics/nearest.js';
import type { Catalogue } from './catalogue.js';
import { titleOfModule } from './known-directives.js';
import { knownVariable } from './known-variables.js';
import type { Notes } from './notes.js';

/**
 * Reports each use of an unknown variable, and each definition of one that belongs to a module. To be called when the
 * whole text has been read.
 */
export function checkVariables(catalogue: Catalogue, notes: Notes): void {
  for (const { name, at } of notes.defines) {
    if (catalogue.isFixed(name)) {
      notes.report(at, 'duplicate-definition', `the duplicate "${name}" variable`, {
        help: 'this variable has a meaning of its own; choose another name',
      });
    }
  }
  const defined = new Set(notes.defines.map(({ name }) => name));
  const candidates = [...defined, ...catalogue.variableNames()];
  const suggestions = new Suggestions();
  for (const { name, at } of notes.uses) {
    if (defined.has(name) || catalogue.hasVariable(name) || notes.mayDefine.has(name)) {
      continue;
    }
    const owner = knownVariable(name);
    if (owner !== undefined) {
      notes.report(at, 'nginx-only-variable', `variable "${name}" is known to nginx, but not to tsproxy`, {
        help: `it belongs to ${titleOfModule(owner)}, which tsproxy does not have (yet)`,
      });
      continue;
    }
    const [meant] = suggestions.nearest(name, candidates);
    notes.report(at, 'unknown-variable', `unknown "${name}" variable`, {
      help: meant === undefined ? 'no module, set, map or named group defines it' : `did you mean "$${meant}"?`,
    });
  }
}
