/** Blocks that parts of a configuration belong to, and the text that opens and closes them. */

/** Blocks that a part can belong to, as `--as` names them. */
export const ENCLOSING = ['http', 'server', 'location', 'upstream', 'events', 'main', 'stream'] as const;
export type Enclosing = (typeof ENCLOSING)[number];

/** Text around the include of a part, inside or outside of `http`. */
export interface EnclosingText {
  readonly inHttp: boolean;
  readonly before: string;
  readonly after: string;
}

export const ENCLOSING_TEXT: Readonly<Record<Enclosing, EnclosingText>> = {
  main: { inHttp: false, before: '', after: '' },
  events: { inHttp: false, before: 'events {', after: '}' },
  stream: { inHttp: false, before: 'stream {', after: '}' },
  http: { inHttp: true, before: '', after: '' },
  server: { inHttp: true, before: 'server {', after: '}' },
  location: { inHttp: true, before: 'server { location / {', after: '} }' },
  upstream: { inHttp: true, before: 'upstream part_of_upstream {', after: '}' },
};
