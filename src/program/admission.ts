/** Constraints that the accept steps of a connection place on its requests; a TLS listener sets one. */
import { AcceptKey } from '../net/accept-step.js';
import type { Exchange } from './exchange.js';
import type { ListenerProgram, ServerProgram } from './program.js';

/** Reason to refuse a request: a status, and nginx's message for the log. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export interface Admission {
  /** The server that was selected before the first request, in the listener's current program; null: the default server. */
  server(program: ListenerProgram): ServerProgram | null;
  /** Returns the reason to refuse a request for a host, whose server is `server`; null: it is allowed. */
  refusesHost(host: string, server: ServerProgram): Refusal | null;
  /** Returns the reason to refuse a request whose head is complete and valid; null: it is allowed. */
  refuses(x: Exchange): Refusal | null;
}

/** Set by at most one step of a listener. */
export const ADMISSION = new AcceptKey<Admission>('admission');
