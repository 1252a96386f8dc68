/** Findings about directives that tsproxy does not have: errors, or warnings if `allow_unsupported` is on. */
import type { Catalogue } from '../catalogue.js';
import type { CheckState } from '../check-state.js';
import { headOf } from '../statement.js';
import { recordVariables } from '../unknown-directive.js';
import { type ForeignUse, reasonFor, titleOfModules } from './known-directives.js';
import type { Effect } from './table.js';

/** Consequence of the directive's absence with `allow_unsupported`. */
export const CONSEQUENCES: Readonly<Record<Effect, string>> = {
  speed: 'it is ignored, because it affects only speed or size',
  setting: 'it has no effect by itself',
  variable: 'requests that depend on its variables are answered with 501',
  response: 'requests to which it applies are answered with 501',
  access: 'requests to which it applies are answered with 501, because it may restrict access',
  apart: 'it is ignored, because it is not part of HTTP requests',
};

/** Reports the directive; one that is off, and a mere setting of another one, is accepted silently. */
export function reportForeign(use: ForeignUse, catalogue: Catalogue, state: CheckState): void {
  const { statement, owners, effect, off } = use;
  const { name, block } = statement;
  const takesBlock = owners.some((each) => each.takesBlock);
  if (off) return;
  recordVariables(statement, state);
  if (takesBlock !== (block !== null)) {
    // Otherwise a missing `;` would hide the block that follows.
    if (takesBlock) state.report(headOf(statement), 'missing-block', `directive "${name.text}" has no opening "{"`);
    else state.report(headOf(statement), 'unwanted-block', `directive "${name.text}" is not terminated by ";"`);
    return;
  }
  const [value, more] = statement.args;
  if (value !== undefined && more !== undefined && owners.some((each) => each.off.includes(value.text))) {
    state.report(more, 'argument-count', `invalid number of arguments in "${name.text}" directive`);
    return;
  }
  if (effect === 'setting') return;
  const consequence = CONSEQUENCES[effect];
  state.report(name, 'nginx-only-directive', `"${name.text}" is not supported`, {
    ...(state.allowsUnsupported && { severity: 'warning' }),
    missing: { name: name.text, module: titleOfModules(owners) },
    help: `${reasonFor(owners, catalogue)}; ${state.allowsUnsupported ? '' : 'with --allow-unsupported, '}${consequence}`,
  });
}
