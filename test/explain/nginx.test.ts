/**
 * Debian's nginx chooses the servers and the locations that are explained: generated requests over generated
 * configurations whose locations answer with their names. `EXPLAIN_CHOICES=1000` asks for more of them. Skipped where there
 * is no nginx.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Explainer } from '../../src/explain/explainer.js';
import { modules } from '../../src/modules/index.js';
import { checkSource } from '../../src/process/configuration.js';
import { complete, parseAnswer } from '../kit/index.js';
import { unavailable } from '../oracle/nginx.js';
import { startOracle } from '../oracle/oracle.js';
import { choices, type GeneratedRequest, type MarkedConfig, plainRequests } from './configurations.js';
import { asFound } from './report.js';

const TOTAL = Number(process.env.EXPLAIN_CHOICES ?? 100);
const PER_CONFIGURATION = 20;

test(`nginx chooses as is explained, for ${TOTAL} requests`, { skip: unavailable }, async () => {
  await fc.assert(
    fc.asyncProperty(
      choices,
      fc.array(plainRequests, { minLength: PER_CONFIGURATION, maxLength: PER_CONFIGURATION }),
      compare,
    ),
    { numRuns: Math.ceil(TOTAL / PER_CONFIGURATION), ...asFound },
  );
});

async function compare({ text, marks }: MarkedConfig, asked: readonly GeneratedRequest[]): Promise<void> {
  const oracle = await startOracle({ name: 'choices', config: text, cases: [] });
  const whole = complete(text, { PORT: 8080 });
  const checked = checkSource({ name: '<inline>', text: whole, prefix: '/', confDirectory: '/' }, modules);
  const explainer = await Explainer.open(checked, modules, '/');
  try {
    for (const { line, host } of asked) {
      const { request, location, server, answer } = await explainer.explain({ line, host, fields: [] });
      const { nginx } = await oracle.ask(request.head);
      const { body } = parseAnswer(nginx.answers[0] ?? '');
      // Two lines stand before the text of the configuration.
      const mark = marks.get((location.at?.line ?? 0) - 2) ?? '';
      const where = `${whole}\n${request.head}`;
      assert.equal(body.split(' ', 2).join(' '), `${mark} ${server.name}`, where);
      assert.equal(body, answer.body, where);
    }
  } finally {
    explainer.close();
    await oracle.close();
  }
}
