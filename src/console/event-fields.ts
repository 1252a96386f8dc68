/** Fields of a server-sent event (HTML, section 9.2.6). Nothing here needs Node, so that browsers can use it. */

export interface EventFields {
  readonly name: string;
  readonly id: string;
  readonly data: string;
  readonly retry: string;
  /** Comments, joined; null if there are none. */
  readonly comment: string | null;
}

const decoder = new TextDecoder();

export function parseEvent(payload: Uint8Array): EventFields {
  const data: string[] = [];
  const comments: string[] = [];
  const fields: Record<string, string> = {};
  for (const line of decoder.decode(payload).split(/\r\n|\r|\n/)) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (colon === 0) comments.push(value);
    else if (name === 'data') data.push(value);
    else fields[name] = value;
  }
  return {
    ...{ name: fields.event ?? '', id: fields.id ?? '', retry: fields.retry ?? '' },
    ...{ data: data.join('\n'), comment: comments.length === 0 ? null : comments.join('\n') },
  };
}
