/** `ssl_ocsp`: validation of client certificates, compiled from the directives of a server. */
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ConfOf } from '../../config/directive.js';
import type { ContextSpec } from '../../net/tls-context.js';
import type { Compiler } from '../../program/module.js';
import { ClientOcsp } from '../../tls/client-ocsp.js';
import { type OcspConnections, parseResponder, type Responder } from '../../tls/ocsp-responder.js';
import { certificatesOf } from '../../tls/stapling.js';
import type { sslDirectives } from './directives.js';

interface At {
  readonly spec: ContextSpec;
  readonly connections: () => OcspConnections;
  readonly block: CheckedBlock;
  readonly compiler: Compiler;
}

/** Number of servers compiled so far. */
let compiled = 0;

/** Compiles the validation of a server; null if `ssl_ocsp` is off. */
export function compileClientOcsp(
  conf: ConfOf<typeof sslDirectives>,
  { spec, connections, block, compiler }: At,
): ClientOcsp | null {
  const { ssl_ocsp: mode, ssl_ocsp_responder: url = '', ssl_ocsp_cache: zone } = conf;
  if (mode === 'off') return null;
  if (conf.ssl_verify_client === 'optional_no_ca') {
    compiler.fail('"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"', block.at);
  }
  const { zones } = compiler;
  const settings = {
    leaf: mode === 'leaf',
    responder: url === '' ? null : responderOf(url, block, compiler),
    store: certificatesOf(spec.trusted),
    cache: zone === null ? null : { zones, zone: zones.open({ kind: 'ssl_ocsp', ...zone, key: '' }) },
    connections,
  };
  // Closed with the table. The number makes the key unique: a file may be included several times.
  return compiler.shared.set(`ssl_ocsp ${++compiled}`, new ClientOcsp(settings));
}

function responderOf(url: string, block: CheckedBlock, compiler: Compiler): Responder {
  const parsed = parseResponder(url);
  if (!('mistake' in parsed)) return parsed;
  return compiler.fail(`${parsed.mistake} in OCSP responder "${parsed.shown}" in "ssl_ocsp_responder"`, block.at);
}
