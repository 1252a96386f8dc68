/** Requests for a WebSocket that a location does not upgrade: logged once, with the fix. */
import type { HttpExchange } from '../../exchange/exchange.js';
import { logError } from '../../program/error-context.js';
import { hasMember, missingInRequest, namesWebSocket } from '../../websocket/handshake.js';

export class LostUpgrades {
  private logged = false;

  /** Examines the head that is sent to the upstream for a request with `Upgrade`. */
  check(x: HttpExchange, head: string): void {
    // A subrequest and an error page have the fields of the client's request.
    if (this.logged || x.nested !== null || x.errorPageActive || !namesWebSocket(x.headers)) return;
    const missing = missingInRequest(head);
    // Many servers accept an upgrade with HTTP/1.0.
    if (missing === null || !(missing.upgrade || missing.connection)) return;
    const problem = `client requested a WebSocket in ${placeOf(x)}, but`;
    if (x.version < 11) this.log(x, `${problem} with HTTP/1.0, which does not support upgrades`);
    else if (x.upgradeRequest === null) {
      this.log(x, `${problem} the upstream receives no ${fields(missing)}; add "proxy_websocket on;"`);
    } else if (!hasMember(x.headers.joined('connection'), 'upgrade')) {
      const cause = 'another proxy in front of this one may remove it';
      this.log(x, `${problem} its request has no "Connection: upgrade"; ${cause}`);
    } else this.log(x, `${problem} "upgrade_protocols" does not list it`);
  }

  private log(x: HttpExchange, message: string): void {
    this.logged = true;
    logError(x, 'error', message);
  }
}

function placeOf({ location: { name } }: HttpExchange): string {
  return name === '' ? 'a server without matching location' : `location "${name}"`;
}

function fields({ upgrade, connection }: { readonly upgrade: boolean; readonly connection: boolean }): string {
  const names = [...(upgrade ? ['"Upgrade"'] : []), ...(connection ? ['"Connection: upgrade"'] : [])];
  return names.join(' and no ');
}
