/** Health checks of a location, which begin when the module of its pass directive has compiled the rest. */
import type { Scope } from '../../program/module.js';
import type { ForwardingRules } from '../forwarding-rules.js';
import type { Upstream } from '../upstream.js';
import { ResponseMatch } from './response-match.js';
import { HEALTH_CHECKS } from './settings.js';
import { tableChecks } from './table-checks.js';

/** Destination of a location's requests. */
export interface CheckedPass {
  readonly upstream: Upstream;
  readonly rules: ForwardingRules;
  /** Host and port as written, `$proxy_host` and `$proxy_port`. */
  readonly host: string;
  readonly port: string;
}

/** Adds the checks of a location to those of its table; called by the module of the pass directive. */
export async function addHealthChecks(pass: CheckedPass, { compiler, program, server }: Scope): Promise<void> {
  const configured = program.settings.get(HEALTH_CHECKS);
  if (configured === null || server === null) return;
  const { upstream, rules, host, port } = pass;
  const zone = configured.zones.get(upstream.name.toLowerCase()) ?? '';
  for (const { data, match } of configured.checks) {
    const plan = {
      type: data.type,
      request: { server, location: program, host, port, uri: data.uri },
      rules,
      upstream: upstream.name,
      match: new ResponseMatch(match, compiler),
      keepaliveTime: data.keepaliveTime,
      timeout: configured.timeout,
    };
    await tableChecks(compiler).add({ upstream, zone, data, plan, errorLog: program.settings.errorLog });
  }
}
