/** Applies the rules of `tsproxy dev` to a configuration, and adds what it needs. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { RewriteBlock } from '../../config/block-checker.js';
import { consoleServer } from './console-server.js';
import type { DevData } from './dev-module.js';
import { generatedStatements } from './generated-text.js';
import { mappedAddresses, type Plan } from './plan.js';
import { ruleOf } from './rules.js';
import { IMPLIED_ADDRESS, namesOf } from './survey.js';
import { withArguments } from './words.js';

/** The rewriting of all blocks according to a plan. */
export function rewriting(plan: Plan): RewriteBlock {
  return (statements, context, opener) => {
    const surroundings = { plan, context, siblings: statements, opener };
    const rewritten = statements.flatMap(
      (statement) => ruleOf(statement.name.text)?.(statement, surroundings) ?? [statement],
    );
    if (context === 'http')
      return [...settings(plan, statements), ...rewritten, ...consoleServer(plan.options.consolePort)];
    if (context === 'server') return [...addedToServer(plan, statements), ...rewritten];
    return rewritten;
  };
}

/** Settings of all servers; a certificate for servers that have none. */
function settings(plan: Plan, written: readonly Statement[]): Statement[] {
  const secure = plan.options.survey.servers.some(({ listens }) => listens.some((each) => each.secure));
  const needsCertificate = secure && !written.some(({ name }) => name.text === 'ssl_certificate');
  const [dev, ...others] = generatedStatements(`
    dev '{}';
    access_log off;
    absolute_redirect off;
    ${needsCertificate ? `ssl_certificate "${plan.certificate}"; ssl_certificate_key "${plan.certificate}";` : ''}
  `);
  return dev === undefined ? others : [withArguments(dev, [JSON.stringify(devData(plan))]), ...others];
}

function devData(plan: Plan): DevData {
  const { options } = plan;
  return {
    names: [...new Set(namesOf(options.survey))].filter((name) => !name.startsWith('~')),
    ports: mappedAddresses(options),
    targets: [...options.targets.entries],
    hosts: options.allowedHosts,
    certificateNames: plan.certificateNames,
  };
}

/** nginx listens on port 80 for a server without `listen`. */
function addedToServer(plan: Plan, written: readonly Statement[]): Statement[] {
  if (written.some(({ name }) => name.text === 'listen')) return [];
  return generatedStatements(`listen ${plan.options.hosts.ipv4}:${plan.port(IMPLIED_ADDRESS)};`);
}
