/** Media types of files, which nginx's language does not have by default. */
import type { Directive } from '../crossplane/payload.js';
import { block, directive } from '../directives.js';

const TYPES: readonly (readonly [string, string])[] = [
  ['text/html', 'html htm'],
  ['text/css', 'css'],
  ['text/plain', 'txt'],
  ['text/markdown', 'md'],
  ['text/csv', 'csv'],
  ['text/xml', 'xml'],
  ['text/javascript', 'js mjs'],
  ['application/json', 'json map'],
  ['application/manifest+json', 'webmanifest'],
  ['application/wasm', 'wasm'],
  ['application/pdf', 'pdf'],
  ['application/zip', 'zip'],
  ['application/gzip', 'gz'],
  ['image/gif', 'gif'],
  ['image/jpeg', 'jpg jpeg'],
  ['image/png', 'png'],
  ['image/svg+xml', 'svg'],
  ['image/webp', 'webp'],
  ['image/avif', 'avif'],
  ['image/x-icon', 'ico'],
  ['font/woff', 'woff'],
  ['font/woff2', 'woff2'],
  ['font/ttf', 'ttf'],
  ['font/otf', 'otf'],
  ['audio/mpeg', 'mp3'],
  ['video/mp4', 'mp4'],
  ['video/webm', 'webm'],
];

export const MEDIA_TYPES: readonly Directive[] = [
  block(
    'types',
    [],
    TYPES.map(([type, extensions]) => directive(type, ...extensions.split(' '))),
  ),
];
