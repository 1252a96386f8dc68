import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineModule, type Handler, type PhaseHandler } from '../../src/program/module.js';
import { PHASES, type Phase } from '../../src/program/phases.js';
import { NEXT, OK } from '../../src/program/verdict.js';
import { get, startProxy } from '../kit/index.js';

/** All phases of the table that have handlers. */
const NAMES = PHASES.flatMap(({ name, level }) => (level === null ? [] : [name]));

/** A module with a handler in every phase, which records its calls. */
function everyPhase(calls: string[], verdict: (phase: Phase) => number) {
  const handler = (phase: Phase): PhaseHandler<unknown, Handler> => ({
    order: -1,
    compile: () => (x) => {
      calls.push(`${x.nested === null ? '' : 'nested '}${phase}`);
      return verdict(phase);
    },
  });
  return defineModule({
    name: 'every_phase',
    doc: 'Records the phases.',
    directives: {},
    phases: Object.fromEntries(NAMES.map((phase) => [phase, handler(phase)])),
  });
}

const CONFIG = 'server { listen 127.0.0.1:0; location / { ssi on; default_type text/html; root %%DIR%%; } }';

test('each phase of the table runs its handlers once, in order', async (t) => {
  for (const verdict of [NEXT, OK]) {
    const calls: string[] = [];
    const proxy = await startProxy(
      CONFIG,
      {},
      {
        modules: [everyPhase(calls, (phase) => (phase === 'content' ? NEXT : verdict))],
        files: { 'a.html': 'text' },
      },
    );
    t.after(() => proxy.close());
    assert.equal((await get(proxy.port, '/a.html')).body, 'text');
    assert.deepEqual(calls, NAMES);
  }
});

test('a subrequest runs the phases that its main request has not passed for it', async (t) => {
  const calls: string[] = [];
  const proxy = await startProxy(
    CONFIG,
    {},
    {
      modules: [everyPhase(calls, () => NEXT)],
      files: { 'a.html': '[<!--#include file="b.html" -->]', 'b.html': 'inner' },
    },
  );
  t.after(() => proxy.close());
  assert.equal((await get(proxy.port, '/a.html')).body, '[inner]');
  assert.deepEqual(
    calls.filter((call) => call.startsWith('nested ')),
    PHASES.filter((phase) => phase.level !== null && !('mainOnly' in phase) && phase.name !== 'log').map(
      ({ name }) => `nested ${name}`,
    ),
  );
});
