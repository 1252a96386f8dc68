/**
 * Explanations agree with the behaviour: generated requests over generated configurations are explained and sent to a
 * running proxy. `EXPLAIN_REQUESTS=10000` sets their number.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Explainer } from '../../src/explain/explainer.js';
import type { Explanation } from '../../src/explain/explanation.js';
import { modules } from '../../src/modules/index.js';
import { checkSource } from '../../src/process/configuration.js';
import {
  answeringBackend,
  type Backend,
  closedPort,
  complete,
  connect,
  startProxy,
  type TestProxy,
} from '../kit/index.js';
import { configurations, type GeneratedRequest, type MarkedConfig, requests } from './configurations.js';
import { asFound } from './report.js';

const TOTAL = Number(process.env.EXPLAIN_REQUESTS ?? 400);
const PER_CONFIGURATION = 25;

/** Request received by a back end. */
interface Forwarded {
  readonly port: number;
  readonly head: string;
  readonly body: string;
}

/** The back ends, with what they are to answer. */
class BackEnds {
  readonly received: Forwarded[] = [];
  answers: string[] = [];
  ports: number[] = [];
  private backends: Backend[] = [];

  async start(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      const backend: Backend = await answeringBackend(({ head, body }) => {
        this.received.push({ port: backend.port, head, body });
        return this.answers.shift() ?? 'HTTP/1.1 500 Unexpected\r\nContent-Length: 0\r\n\r\n';
      });
      this.backends.push(backend);
      this.ports.push(backend.port);
    }
  }

  async close(): Promise<void> {
    for (const backend of this.backends) await backend.close();
  }
}

const backEnds = new BackEnds();
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-explain-'));
before(() => backEnds.start());
after(async () => {
  await backEnds.close();
  rmSync(directory, { recursive: true, force: true });
});

test(`${TOTAL} requests are handled as they are explained`, async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(
      configurations,
      fc.array(requests, { minLength: PER_CONFIGURATION, maxLength: PER_CONFIGURATION }),
      async (config, asked) => {
        count += asked.length;
        await compare(config, asked);
      },
    ),
    { numRuns: Math.ceil(TOTAL / PER_CONFIGURATION), ...asFound },
  );
  assert.ok(count >= TOTAL);
});

async function compare(config: MarkedConfig, asked: readonly GeneratedRequest[]): Promise<void> {
  const [A = 0, B = 0, C = 0] = backEnds.ports;
  const PORT = await closedPort();
  const text = complete(config.text, { PORT, A, B, C });
  // Two lines stand before the text of the configuration.
  const lineOf = (line: number): string => config.marks.get(line - 2) ?? `line ${line}`;
  const proxy = await startProxy(text);
  // Both look for files in the same place.
  const prefix = `${proxy.directory}/`;
  const checked = checkSource({ name: '<inline>', text, prefix, confDirectory: prefix }, modules);
  const explainer = await Explainer.open(checked, modules, prefix);
  try {
    for (const { line, host, fields, body } of asked) {
      const explained = await explainer.explain({ line, host, fields, body });
      try {
        assert.deepEqual(await happens(proxy, explained, body), expected(explained, lineOf));
      } catch (error) {
        const steps = JSON.stringify(explained.steps);
        throw new Error(`${text}\n${explained.request.head}${body}\n${steps}`, { cause: error });
      }
    }
  } finally {
    explainer.close();
    await proxy.close();
  }
}

/** The compared results. */
interface Outcome {
  readonly mark: string;
  readonly head: string;
  readonly body: string;
  readonly forwarded: readonly { readonly head: string; readonly body: number; readonly port: number }[];
}

/** Results expected from an explanation. */
function expected(explanation: Explanation, markOf: (line: number) => string): Outcome {
  const { answer, upstreams, location } = explanation;
  return {
    mark: answer.head === '' ? '' : markOf(location.at?.line ?? 0),
    head: timeless(answer.head),
    body: answer.body,
    forwarded: upstreams.flatMap(({ method, requests: sent }) =>
      sent.map(({ address, head, body }) => ({
        head,
        body,
        // Round robin goes on from where the requests before have left it.
        port: method.text === 'round robin' ? 0 : Number(address.split(':').at(-1)),
      })),
    ),
  };
}

/** Puts the same bytes to the proxy, with back ends that answer as was assumed. */
async function happens(proxy: TestProxy, explanation: Explanation, body: string): Promise<Outcome> {
  const sent = explanation.upstreams.flatMap(({ requests: each }) => each);
  backEnds.answers = sent.map(({ answer }) => answer);
  backEnds.received.length = 0;
  const connection = await connect(proxy.port);
  let raw: string;
  try {
    connection.send(explanation.request.head + body);
    if (opensTunnel(explanation)) {
      raw = await connection.reader.until('\r\n\r\n');
    } else if (/^Connection: keep-alive/m.test(explanation.answer.head)) {
      raw = await connection.reader.take(
        'the answer',
        atLeast(explanation.answer.head + explanation.answer.body),
        'take',
      );
    } else raw = await connection.reader.all();
  } finally {
    connection.close();
  }
  const end = raw.indexOf('\r\n\r\n');
  const head = end < 0 ? raw : raw.slice(0, end + 4);
  const robin = explanation.upstreams.flatMap(({ method, requests: each }) =>
    each.map(() => method.text === 'round robin'),
  );
  return {
    mark: /^X-Mark: (.*)\r$/m.exec(head)?.[1] ?? '',
    head: timeless(head),
    body: end < 0 ? '' : raw.slice(end + 4),
    forwarded: backEnds.received.map((one, i) => ({
      head: one.head,
      body: one.body.length,
      port: robin[i] === true ? 0 : one.port,
    })),
  };
}

/** Whether a tunnel follows the answer. Its status may be another one than 101: `error_page 404 =200` with a proxied location. */
function opensTunnel({ answer, upstreams }: Explanation): boolean {
  const last = upstreams.at(-1)?.requests.at(-1)?.answer ?? '';
  return answer.status === 101 || (/^HTTP\/\S+ 101 /.test(last) && /^Upgrade: /m.test(answer.head));
}

/** As much as was expected, or what came beyond. */
function atLeast(expectation: string): (pending: string) => number | undefined {
  return (pending) => (pending.length >= expectation.length ? pending.length : undefined);
}

/** A head without what changes with the time. */
function timeless(head: string): string {
  return head.replace(/^(Date|Expires): .*\r\n/gm, '$1\r\n');
}
