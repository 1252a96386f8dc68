/** An exchange for tests of balancers: real, but with a client that exists on paper only. */
import type { ClientSide } from '../../src/exchange/client-side.js';
import { Exchange } from '../../src/exchange/exchange.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import type { ErrorLog } from '../../src/logging/error-log.js';
import { LocationProgram, LocationSettings, ServerProgram } from '../../src/program/program.js';
import { ServerNames } from '../../src/routing/server-names.js';

/** A balancer asks for the client's address and writes to the error log; nothing else of the client is touched. */
export function exchangeFrom(remoteAddress = '127.0.0.1', log: string[] = []): Exchange {
  const errorLog: ErrorLog = { threshold: 7, write: (level, message) => log.push(`${level} ${message}`) };
  const program = new ServerProgram(new LocationProgram(new LocationSettings(errorLog)));
  const client = { id: 1, remoteAddress } as ClientSide;
  const listener = { names: new ServerNames<ServerProgram>([]), defaultServer: program };
  return new Exchange(client, HeaderBlock.from([]), listener, 0);
}
