/** Heads as they were received and sent, with what the proxy changed. */
import type { FieldLine, HeadDetails, RequestDetails } from '../feed-format.js';
import { type Child, h } from './dom.js';

/** Fields that the other head has with the same value. */
function keysOf(head: HeadDetails | null): ReadonlySet<string> {
  return new Set((head?.fields ?? []).map(([name, value]) => `${name.toLowerCase()}: ${value}`));
}

function headBox(title: string, head: HeadDetails | null, before: HeadDetails | null, missing: string): HTMLElement {
  if (head === null) return h('div', { class: 'head' }, h('h3', {}, title), h('p', { class: 'none' }, missing));
  const known = before === null ? null : keysOf(before);
  return h(
    'div',
    { class: 'head' },
    h('h3', {}, title),
    h('p', { class: 'head-line' }, head.line),
    fieldTable(head.fields, (name, value) => known !== null && !known.has(`${name.toLowerCase()}: ${value}`)),
    head.cut && h('p', { class: 'none' }, 'Further fields are not shown: the head is too long.'),
  );
}

export function fieldTable(
  fields: readonly FieldLine[],
  isNew: (name: string, value: string) => boolean = () => false,
): HTMLElement {
  return h(
    'dl',
    { class: 'fields' },
    fields.map(([name, value]) =>
      h(
        'div',
        isNew(name, value) ? { class: 'is-new', title: 'added or changed by the proxy' } : {},
        h('dt', {}, name),
        h('dd', {}, value),
      ),
    ),
  );
}

/** The four heads of a request: in both directions as received, and as sent. */
export function heads({ request, upstreamRequest, upstreamResponse, response, tries }: RequestDetails): Child {
  const noUpstream = tries.length === 0 ? 'The request was not passed to an upstream.' : 'Not recorded.';
  return h(
    'div',
    { class: 'heads' },
    headBox('Request received', request, null, 'It was received before the console was opened.'),
    headBox('Request sent to the upstream', upstreamRequest, request, noUpstream),
    headBox('Response received from the upstream', upstreamResponse, null, noUpstream),
    headBox('Response sent', response, upstreamResponse, 'No response has been sent yet.'),
  );
}
