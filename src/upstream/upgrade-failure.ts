/** Check of a 101 response. */
import type { HttpExchange } from '../exchange/exchange.js';
import { Field } from '../http/field-names.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { UpstreamFailure } from './failure.js';
import type { ForwardingRules } from './forwarding-rules.js';

const ACTIVITY = 'reading response header from upstream';

/** Returns the failure if the connection cannot be upgraded, or null. `possible`: the request can become a tunnel. */
export function upgradeFailure(
  x: HttpExchange,
  head: UpstreamHead,
  rules: ForwardingRules,
  possible: boolean,
): UpstreamFailure | null {
  if (x.headers.indexOf(Field.Upgrade) < 0) {
    return new UpstreamFailure('invalid head', ACTIVITY, 'upstream sent 101 to a request without "Upgrade"');
  }
  if (x.nested !== null || !possible) {
    return new UpstreamFailure('unusable', ACTIVITY, 'connection upgrade in subrequest');
  }
  const error = rules.checkUpgrade(x, head);
  return error === null ? null : new UpstreamFailure('invalid head', ACTIVITY, error);
}
