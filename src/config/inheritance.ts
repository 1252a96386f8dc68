/** The rule of inheritance between a block and one directly in it. */
import type { Context, DirectiveSpec } from './directive.js';

/** Whether a block inherits a directive of the block around it, which has or inherits it, unless it sets the directive itself. */
export function isInherited({ inherit, contexts }: DirectiveSpec, from: Context, into: Context): boolean {
  if (into === 'upstream' || into === 'match' || into === 'events' || inherit === 'none') return false;
  if (inherit === 'noname') return into === 'if in location' || into === 'limit_except';
  // Directives of main are inherited only by contexts that allow them too (`error_log`).
  return from !== 'main' || contexts.includes(into);
}
