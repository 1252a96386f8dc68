// Reporter of node:test for the whole suite: failures in full, then the totals. Written as plain JavaScript, as run.mjs is.
import { relative } from 'node:path';
import { inspect } from 'node:util';

/** Formats the events of a run. Tests that pass are only counted; a terminal shows the count while they run. */
export default async function* report(source) {
  const started = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const skipped = new Map();
  const failed = [];
  for await (const { type, data } of source) {
    // Printed by open-handles.mjs.
    if (type === 'test:stderr' && data.message.startsWith('still running: '))
      yield `\n${place(data)} is ${data.message}`;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite' || data.details.error?.failureType === 'subtestsFailed') continue;
    if (type === 'test:fail') {
      counts.failed++;
      failed.push(data);
      yield failure(data);
    } else if (data.skip !== undefined) {
      counts.skipped++;
      const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : data.name;
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    } else {
      counts.passed++;
    }
    if (process.stdout.isTTY) yield `\r${counts.passed} passed, ${counts.failed} failed\u001b[K\r`;
  }
  for (const [reason, count] of skipped) yield `skipped ${count}: ${reason}\n`;
  if (failed.length > 1) yield `\nfailed:\n${failed.map((each) => `  ${place(each)}: ${each.name}\n`).join('')}`;
  yield `finished in ${((performance.now() - started) / 1000).toFixed(1)} s\n`;
  yield `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

/** Failed test with its place and error. */
function failure({ name, file, line, details }) {
  const { error } = details;
  const cause = error?.cause ?? error;
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  const text = stack.replace(/\n +at .*\bnode:.*/g, '');
  return `\nnot ok: ${name}\n  ${place({ file, line })}\n${text.replace(/^/gm, '    ')}\n`;
}

/** File of a test, from the working directory. */
function place({ file, line }) {
  if (file === undefined) return 'unknown file';
  return line === undefined ? relative('.', file) : `${relative('.', file)}:${line}`;
}
