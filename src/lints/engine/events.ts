/** Locations that seem to proxy server-sent events. */
import type { Span } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import type { Scope } from './scope.js';
import { type Proxied, proxied, requestField } from './websocket.js';

/** A location that seems to proxy server-sent events, and the indication for it. */
export interface EventLocation extends Proxied {
  readonly because: string;
  readonly sign: Span;
  /** Whether directives of tsproxy about event streams are in effect. */
  readonly declared: boolean;
}

/** Directives about event streams. */
const DECLARING = ['sse_heartbeat', 'sse_retry', 'sse_error', 'sse_reconnect'] as const;

const NAMES = /(?:^|[^a-z])(?:sse|event-?streams?|event-?source|server-sent-events|mercure)(?![a-z])/i;

export function eventLocations(c: LintContext): EventLocation[] {
  const type = c.mentions('text/event-stream');
  const last = c.mentions('last-event-id');
  const found: EventLocation[] = [];
  for (const each of proxied(c)) {
    const { scope } = each;
    const sign = declaredIn(scope) ?? nameOf(scope) ?? (type ? typeIn(scope) : null) ?? (last ? lastIn(scope) : null);
    const declared = DECLARING.some((name) => (scope.value(name) ?? 'off') !== 'off');
    if (sign !== null) found.push({ ...each, ...sign, declared });
  }
  return found;
}

type Sign = Pick<EventLocation, 'because' | 'sign'>;

function declaredIn(scope: Scope): Sign | null {
  for (const name of DECLARING) {
    const statement = scope.own(name)[0];
    // Inherited ones apply to other locations, too.
    if (statement !== undefined && statement.args[0]?.text !== 'off') {
      return { because: `it has ${name}`, sign: statement };
    }
  }
  return null;
}

function nameOf(scope: Scope): Sign | null {
  const location = scope.location;
  return location !== null && NAMES.test(location.name)
    ? { because: 'its name indicates it', sign: location.at }
    : null;
}

function typeIn(scope: Scope): Sign | null {
  // Inherited directives apply to other locations too, and indicate nothing about this one.
  const accept = scope.own('proxy_set_header').length > 0 ? requestField(scope, 'accept')?.args[1] : undefined;
  if (accept?.text.includes('text/event-stream') === true) {
    return { because: 'it requests text/event-stream', sign: accept };
  }
  for (const { args } of [...scope.own('add_header'), ...scope.own('default_type')]) {
    const type = args.find(({ text }) => text.includes('text/event-stream'));
    if (type !== undefined) return { because: 'it responds with text/event-stream', sign: type };
  }
  return null;
}

function lastIn(scope: Scope): Sign | null {
  const statement = scope.own('proxy_set_header').find(({ args }) => args[0]?.text.toLowerCase() === 'last-event-id');
  return statement === undefined ? null : { because: 'it forwards Last-Event-ID', sign: statement };
}
