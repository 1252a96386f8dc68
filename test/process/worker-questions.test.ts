/** Questions of workers to the process that owns the configuration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerEvent } from '../../src/process/worker-messages.js';
import { WorkerQuestions } from '../../src/process/worker-questions.js';
import { ProcessUnavailable } from '../../src/program/process-link.js';

test('each question gets its own answer, in any order', async () => {
  const sent: Extract<WorkerEvent, { event: 'ask' }>[] = [];
  const questions = new WorkerQuestions((event) => {
    if (event.event === 'ask') sent.push(event);
  });
  const [one, other] = [questions.ask('one'), questions.ask('other')];
  assert.deepEqual(
    sent.map(({ question }) => question),
    ['one', 'other'],
  );
  for (const { id, question } of [...sent].reverse()) {
    questions.receive({ command: 'answer', id, answer: `answer to ${question}` });
  }
  assert.deepEqual(await Promise.all([one, other]), ['answer to one', 'answer to other']);
});

test('a question that is not answered in time is rejected, and a late answer is ignored', async () => {
  let id = 0;
  const questions = new WorkerQuestions((event) => {
    if (event.event === 'ask') id = event.id;
  });
  // The timer of a question alone does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  await assert.rejects(questions.ask('x', 10), ProcessUnavailable);
  clearInterval(alive);
  questions.receive({ command: 'answer', id, answer: 'late' });
});

test('the number of pending questions is bounded', async () => {
  let sent = 0;
  const questions = new WorkerQuestions(() => void sent++);
  for (let i = 0; i < 100; i++) void questions.ask(i);
  await assert.rejects(questions.ask('one more'), ProcessUnavailable);
  assert.equal(sent, 100);
});
