/** Applies the rules of `tsproxy dev` to a configuration, and adds what it needs. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { RewriteBlock } from '../../config/block-checker.js';
import type { DevData } from './dev-module.js';
import { generatedStatements } from './generated-text.js';
import { mappedAddresses, type Plan } from './plan.js';
import { ruleOf } from './rules.js';
import { withArguments } from './words.js';

/** The rewriting of all blocks according to a plan. */
export function rewriting(plan: Plan): RewriteBlock {
  return (statements, context, opener) => {
    const surroundings = { plan, context, siblings: statements, opener };
    const rewritten = statements.flatMap(
      (statement) => ruleOf(statement.name.text)?.(statement, surroundings) ?? [statement],
    );
    if (context === 'http') return [...addedToHttp(plan, statements), ...rewritten];
    if (context === 'server') return [...addedToServer(plan, statements), ...rewritten];
    return rewritten;
  };
}

/** The console and the settings of the module of `tsproxy dev`; a certificate for servers that have none. */
function addedToHttp(plan: Plan, written: readonly Statement[]): Statement[] {
  const { consolePort, survey } = plan.options;
  const secure = survey.servers.some(({ listens }) => listens.some((each) => each.secure));
  const needsCertificate = secure && !written.some(({ name }) => name.text === 'ssl_certificate');
  const [settings, ...added] = generatedStatements(`
    dev '{}';
    access_log off;
    absolute_redirect off;
    ${needsCertificate ? `ssl_certificate "${plan.certificate}"; ssl_certificate_key "${plan.certificate}";` : ''}
    server {
      listen 127.0.0.1:${consolePort};
      server_name localhost;
      location / { console control=on; console_payload on; }
    }
  `);
  return settings === undefined ? added : [withArguments(settings, [JSON.stringify(devData(plan))]), ...added];
}

function devData(plan: Plan): DevData {
  const { options } = plan;
  const names = options.survey.servers.flatMap((server) => server.names.map((name) => name.toLowerCase()));
  return {
    names: [...new Set(names)].filter((name) => !name.startsWith('~')),
    ports: mappedAddresses(options),
    targets: [...options.targets.entries],
    hosts: options.allowedHosts,
    certificateNames: plan.certificateNames,
  };
}

/** nginx listens on port 80 for a server without `listen`. */
function addedToServer(plan: Plan, written: readonly Statement[]): Statement[] {
  if (written.some(({ name }) => name.text === 'listen')) return [];
  const port = plan.port({ family: 'inet', host: '0.0.0.0', port: 80, lastPort: 80, portGiven: true, uri: '' });
  return generatedStatements(`listen ${plan.options.hosts.ipv4}:${port};`);
}
