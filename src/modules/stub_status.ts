/** nginx's `ngx_http_stub_status_module`: how many connections there are, and what they do. */
import { custom } from '../config/argument-types.js';
import type { Counts } from '../exchange/connection-counts.js';
import type { Exchange } from '../exchange/exchange.js';
import { defineModule } from '../exchange/module.js';
import type { VariableSpec } from '../exchange/variable.js';
import { DONE, type Verdict } from '../exchange/verdict.js';

function page({ accepted, handled, requests, active, reading, writing, waiting }: Counts): string {
  return `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${handled} ${requests} \nReading: ${reading} Writing: ${writing} Waiting: ${waiting} \n`;
}

function send(x: Exchange, counts: Counts): Verdict {
  x.respond(200, page(counts), 'text/plain');
  return DONE;
}

function answer(x: Exchange): Verdict | Promise<Verdict> {
  if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
  const counts = x.client.counts.now();
  return counts instanceof Promise ? counts.then((all) => send(x, all)) : send(x, counts);
}

function variable(name: keyof Counts, doc: string): VariableSpec {
  return { get: (x) => String(x.client.counts.known()[name]), doc };
}

export default defineModule({
  name: 'stub_status',
  doc: 'Tells how many connections and requests there were and are.',
  directives: {
    stub_status: {
      contexts: ['server', 'location'],
      // Older versions wanted a word, and what it was did not matter.
      takes: custom('[on]', 0, 1, () => true as const),
      again: 'overrides',
      inherit: 'noname',
      doc: 'Answers with a text: the connections that are open, those that were accepted and served, the requests, and how many connections are being read from, answered, or idle. Let only those see it whom it concerns (`allow`, `deny`).',
      example: 'stub_status;',
    },
  },
  variables: {
    connections_active: variable('active', 'Connections of clients that are open.'),
    connections_reading: variable('reading', 'Connections on which the head of a request is being read.'),
    connections_writing: variable(
      'writing',
      'Connections on which a request is being answered; tunnels are among them.',
    ),
    connections_waiting: variable('waiting', 'Connections that wait for a request.'),
  },
  phases: {
    content: {
      order: 0,
      pure: true,
      compile: (conf) => (conf.stub_status === undefined ? null : answer),
    },
  },
});
