/** Variables that modules provide, with their documentation. */

import { titleOfModule } from '../config/foreign/known-directives.js';
import { knownVariable } from '../config/foreign/known-variables.js';
import { documentUrl } from '../diagnostics/documents.js';
import { modules } from '../modules/index.js';

/** A variable, or a family whose name ends in `*`. */
export interface BuiltInVariable {
  readonly name: string;
  readonly module: string;
  readonly doc: string;
  readonly changeable: boolean;
}

const byName = new Map<string, BuiltInVariable>();
for (const { name: module, variables = {} } of modules) {
  for (const [name, { doc, changeable = false }] of Object.entries(variables)) {
    byName.set(name, { name, module, doc, changeable });
  }
}

export const builtInVariables: readonly BuiltInVariable[] = [...byName.values()];

/** The variable with a name in lower case, without `$`; for a member of a family, the family. */
export function builtInVariable(name: string): BuiltInVariable | undefined {
  return (
    byName.get(name) ??
    builtInVariables.find((each) => each.name.endsWith('*') && name.startsWith(each.name.slice(0, -1)))
  );
}

export function variableMarkdown({ name, module, doc, changeable }: BuiltInVariable): string {
  const shown = name.endsWith('*') ? `${name.slice(0, -1)}NAME` : name;
  return [
    `**$${shown}**, variable of module ${module}`,
    doc,
    ...(changeable ? ['A configuration may redefine it with `set` or `map`.'] : []),
    `[Reference](${documentUrl(`docs/directives/${module}.md`)})`,
  ].join('\n\n');
}

/** A variable of a module of nginx that tsproxy does not have; null if it is unknown. */
export function foreignVariableMarkdown(name: string): string | null {
  const owner = knownVariable(name);
  return owner === undefined
    ? null
    : `**$${name}** is a variable of ${titleOfModule(owner)}, which tsproxy does not have (yet).`;
}
