/** nginx's `ngx_http_stub_status_module`: basic statistics of connections and requests. */
import { custom } from '../config/argument-types.js';
import type { Counts } from '../exchange/connection-counts.js';
import { httpExchange } from '../exchange/exchange.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import type { VariableSpec } from '../program/variable-spec.js';
import { DONE, type Verdict } from '../program/verdict.js';

function page({ accepted, handled, requests, active, reading, writing, waiting }: Counts): string {
  return `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${handled} ${requests} \nReading: ${reading} Writing: ${writing} Waiting: ${waiting} \n`;
}

function send(x: Exchange, counts: Counts): Verdict {
  x.respond(200, page(counts), 'text/plain');
  return DONE;
}

function sendStatus(x: Exchange): Verdict | Promise<Verdict> {
  if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
  const counts = httpExchange(x).client.counts.now();
  return counts instanceof Promise ? counts.then((all) => send(x, all)) : send(x, counts);
}

function variable(name: keyof Counts, doc: string): VariableSpec {
  return { get: (x) => String(httpExchange(x).client.counts.known()[name]), doc };
}

export default defineModule({
  name: 'stub_status',
  doc: 'Provides basic statistics of connections and requests.',
  directives: {
    stub_status: {
      contexts: ['server', 'location'],
      // Older nginx versions required a parameter, with any value.
      takes: custom('[on]', 0, 1, () => true as const),
      again: 'overrides',
      inherit: 'noname',
      doc: 'Responds with a plain-text page: active connections, accepted and handled connections, requests, and connections that are reading a request head, writing a response, or idle. Restrict access to it (`allow`, `deny`).',
      example: 'stub_status;',
    },
  },
  variables: {
    connections_active: variable('active', 'Active client connections.'),
    connections_reading: variable('reading', 'Connections that are reading a request head.'),
    connections_writing: variable(
      'writing',
      'Connections that are handling a request or writing a response, including tunnels.',
    ),
    connections_waiting: variable('waiting', 'Idle connections that are waiting for a request.'),
  },
  phases: {
    content: {
      order: 0,
      compile: (conf) => (conf.stub_status === undefined ? null : sendStatus),
    },
  },
});
