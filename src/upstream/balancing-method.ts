/** Checks of the directives that select a load balancing method. */
import type { Statement } from '../../grammar/syntax-tree.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { CheckContext } from '../config/module-declaration.js';

/** First method found per block: the modules' checks run in no particular order. */
const firstMethods = new WeakMap<CheckedBlock, Statement>();

/**
 * Checks load balancing directives in an `upstream` block: a second method replaces the first, and some methods support
 * neither backup servers nor `slow_start`.
 */
export function checkBalancingMethod(
  directive: string,
  block: CheckedBlock,
  c: CheckContext,
  supports: { readonly backup: boolean },
): void {
  for (const statement of c.statements(directive)) {
    noteMethod(block, statement, c);
    reportLostStickiness(statement, c);
    if (!supports.backup) refuseRanks(statement, c);
  }
}

function noteMethod(block: CheckedBlock, statement: Statement, c: CheckContext): void {
  const first = firstMethods.get(block);
  if (first === undefined) {
    firstMethods.set(block, statement);
    return;
  }
  const [earlier, later] = comesAfter(statement, first) ? [first, statement] : [statement, first];
  firstMethods.set(block, earlier);
  c.report(later.name, 'conflicting-directives', 'load balancing method redefined', {
    severity: 'warning',
    help: 'an upstream has one method; the last one takes effect',
    related: [{ at: earlier.name, message: 'first method' }],
  });
}

/** As in nginx, a method declared after `sticky` replaces it. */
function reportLostStickiness(method: Statement, c: CheckContext): void {
  const [sticky] = c.statements('sticky');
  if (sticky === undefined || !comesAfter(method, sticky)) return;
  c.report(method.name, 'conflicting-directives', 'load balancing method redefined', {
    severity: 'warning',
    help: `clients are not bound to servers: "sticky" must follow "${method.name.text}"`,
    related: [{ at: sticky.name, message: 'has no effect here' }],
  });
}

/** Parameters that methods do not support which select servers by number. */
const RANKS = /^(?:backup|slow_start=.*)$/s;

function refuseRanks(method: Statement, c: CheckContext): void {
  for (const server of c.statements('server')) {
    for (const parameter of server.args.slice(1)) {
      if (!RANKS.test(parameter.text)) continue;
      const message = `balancing method does not support parameter "${parameter.text}"`;
      const name = parameter.text.split('=', 1)[0];
      const help = `"${method.name.text}" ${name === 'backup' ? 'distributes requests to all servers and does not support backup servers' : 'selects servers by their configured weights'}`;
      const related = [{ at: method.name, message: 'the method' }];
      if (comesAfter(server, method)) {
        c.report(parameter, 'conflicting-directives', message, { help, related });
      } else {
        // nginx accepts this order, and uses the backup servers when all others have failed.
        c.report(parameter, 'conflicting-directives', message, { severity: 'warning', help, related });
      }
    }
  }
}

function comesAfter(a: Statement, b: Statement): boolean {
  return a.source === b.source && a.start > b.start;
}
