/** njs's `js_periodic`: functions that are called at intervals, without a request. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { parseMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { IMPORTS_MAIN, parseFunctionName } from '../scripting/function-name.js';
import { PeriodicCall, type PeriodicData } from '../scripting/periodic.js';
import { scriptsOf } from '../scripting/scripts.js';

const DEFAULT_INTERVAL = 5000;

function parsePeriodic([fn, ...options]: readonly Word[], c: ArgumentContext): PeriodicData {
  let [interval, jitter]: [number, number] = [DEFAULT_INTERVAL, 0];
  let affinity: string | null = null;
  for (const option of options) {
    const [, name, value = ''] = /^(interval|jitter|worker_affinity)=(.*)$/s.exec(option.text) ?? [];
    const ms = parseMilliseconds(value);
    if (name === 'interval' && ms !== null && ms > 0) interval = ms;
    else if (name === 'jitter' && ms !== null) jitter = ms;
    else if (name === 'worker_affinity') {
      const [invalid] = value.startsWith('all') ? [] : (/[^01]/.exec(value) ?? []);
      if (invalid !== undefined) {
        c.fail(option, 'invalid-value', `invalid character "${invalid}" in "worker_affinity="`, {
          help: 'a digit for each worker, 1 or 0; or all',
        });
      }
      affinity = value.startsWith('all') ? 'all' : value;
    } else c.fail(option, 'invalid-value', `invalid parameter "${option.text}"`);
  }
  return { function: parseFunctionName(fn as Word, c), interval, jitter, affinity }; // one word at least: `min`
}

/** A mask has a digit for each worker. */
function checkAffinity(block: CheckedBlock, c: CheckContext): void {
  const values = (block.values.js_periodic ?? []) as readonly PeriodicData[];
  for (const { args } of c.statements('js_periodic')) {
    const word = args.find(({ text }) => text.startsWith('worker_affinity='));
    const mask = word?.text.slice('worker_affinity='.length);
    const data = values.find(({ affinity, function: { name } }) => affinity === mask && name === args[0]?.text);
    if (word === undefined || mask === undefined || data === undefined || mask === 'all') continue;
    const workers = c.config.values.worker_processes;
    if (workers === undefined) {
      c.report(
        word,
        'conflicting-directives',
        '"worker_affinity" is not supported with unset "worker_processes" directive',
      );
    } else if (typeof workers === 'number' && workers !== mask.length) {
      const message = 'the number of "worker_processes" is not equal to the size of "worker_affinity" mask';
      c.report(word, 'invalid-value', message);
    }
  }
}

/** Number of calls so far, for unique names. */
let count = 0;

export default defineModule({
  name: 'js_periodic',
  doc: 'Calls functions of scripts at intervals.',
  directives: {
    js_periodic: {
      contexts: ['location'],
      takes: custom(
        'module.function [interval=time] [jitter=time] [worker_affinity=all | mask]',
        1,
        Number.POSITIVE_INFINITY,
        parsePeriodic,
      ),
      repeat: true,
      inherit: 'none',
      doc: 'Calls a function when the configuration is put in force and then at intervals (5s), each longer by a random time up to `jitter`. The argument has `variables` and `rawVariables`; the settings are those of the location, which should be a named one, so that it handles no requests. Without `worker_affinity` the first worker calls the function; with `all` each does, with a mask those with a `1`. A function that is still running is called again, which is logged. The calls end with the configuration.',
      differs: 'nginx ends a call that is still running when the next one is due.',
      differsSlightly: true,
      example: 'js_periodic main.refresh interval=60s jitter=5s;',
      exampleNeeds: IMPORTS_MAIN,
    },
  },
  check(block, c) {
    checkFunctions(block, c, { js_periodic: 0 });
    checkAffinity(block, c);
  },
  settings({ js_periodic: calls }, { block, compiler, program, server, owns }) {
    if (server === null || compiler.onlyTest || !owns('js_periodic')) return;
    const scripts = scriptsOf(compiler);
    for (const data of calls) {
      const fn = scripts.function(block, data.function, 'js_periodic');
      compiler.shared.set(`js_periodic ${++count}`, new PeriodicCall(fn, scripts, data, server, program));
    }
  },
});
