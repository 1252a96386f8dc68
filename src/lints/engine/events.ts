/** Where server-sent events seem to come from. */
import type { Span } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { locationOf } from './location.js';
import type { Scope } from './scope.js';
import { type Proxied, proxied, requestField } from './websocket.js';

/** A location that passes server-sent events on, and what gave it away. */
export interface EventLocation extends Proxied {
  readonly because: string;
  readonly sign: Span;
}

const NAMES = /(?:^|[^a-z])(?:sse|event-?streams?|event-?source|server-sent-events|mercure)(?![a-z])/i;

export function eventLocations(c: LintContext): EventLocation[] {
  return proxied(c).flatMap((each) => {
    const sign = signIn(each.scope);
    return sign === null ? [] : [{ ...each, ...sign }];
  });
}

function signIn(scope: Scope): Pick<EventLocation, 'because' | 'sign'> | null {
  const location = locationOf(scope);
  if (location !== null && NAMES.test(location.name)) {
    return { because: 'its name says so', sign: location.at };
  }
  // What is inherited holds for other locations too, and says nothing about this one.
  const accept = requestField(scope, 'accept')?.args[1];
  if (scope.own('proxy_set_header').length > 0 && accept?.text.includes('text/event-stream') === true) {
    return { because: 'it asks for text/event-stream', sign: accept };
  }
  const last = scope.own('proxy_set_header').find(({ args }) => args[0]?.text.toLowerCase() === 'last-event-id');
  if (last !== undefined) return { because: 'it forwards Last-Event-ID', sign: last };
  for (const { args } of [...scope.own('add_header'), ...scope.own('default_type')]) {
    const type = args.find(({ text }) => text.includes('text/event-stream'));
    if (type !== undefined) return { because: 'it answers with text/event-stream', sign: type };
  }
  return null;
}
