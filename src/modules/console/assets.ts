/** `GET` of the console's page and its assets. */
import { type PageFile, readPage } from '../../console/page-files.js';
import type { Exchange } from '../../program/exchange.js';
import { DONE, type Verdict } from '../../program/verdict.js';

/** The page loads nothing from other origins, contains no inline scripts, and cannot be framed. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let files: ReadonlyMap<string, PageFile> | null = null;

/** Loads the page. */
export async function loadPage(): Promise<void> {
  files ??= await readPage();
}

/** Sends the page or one of its assets; null if none has that name. */
export function sendAsset(x: Exchange, name: string): Verdict | null {
  const file = files?.get(name);
  if (file === undefined) return null;
  if (x.method !== 'GET' && x.method !== 'HEAD') {
    x.response.set('Allow', 'GET, HEAD');
    return 405;
  }
  const { response } = x;
  response.set('Content-Security-Policy', POLICY);
  response.set('X-Content-Type-Options', 'nosniff');
  response.set('X-Frame-Options', 'DENY');
  response.set('Referrer-Policy', 'no-referrer');
  response.set('Cross-Origin-Opener-Policy', 'same-origin');
  response.set('Cross-Origin-Resource-Policy', 'same-origin');
  response.set('Cache-Control', 'no-cache');
  response.etag = file.etag;
  x.respond(200, file.bytes, file.type);
  return DONE;
}
