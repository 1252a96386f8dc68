/** The console of the development view: a server beside those of the site. */
import type { Statement } from '../../../grammar/syntax-tree.js';
import { generatedStatements } from './generated-text.js';

/** Port of the console, or the next one that is free. */
export const CONSOLE_PORT = 8900;
/** It has no password, so other machines cannot connect. */
export const CONSOLE_HOST = '127.0.0.1';

/** The server, which is not subject to access rules that apply to all servers of the configuration. */
export function consoleServer(port: number): Statement[] {
  return generatedStatements(`
    server {
      listen ${CONSOLE_HOST}:${port};
      server_name localhost;
      allow all;
      auth_basic off;
      auth_request off;
      location / { console control=on; console_payload on; }
    }
  `);
}

export function consoleUrl(port: number): string {
  return `http://localhost:${port}/`;
}
