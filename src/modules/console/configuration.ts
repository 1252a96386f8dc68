/** Resources about configurations, which the process that owns them answers: texts, differences, explanations, reloads. */
import type { ExplainForm, ProcessQuestion, Refusal, ReloadReport } from '../../console/process-questions.js';
import { type ProcessLink, ProcessUnavailable } from '../../program/process-link.js';
import { ConsoleError } from './json-response.js';

const MAX_LINE = 8192;
const MAX_FIELDS = 100;

/** Rejects with ConsoleError. */
async function ask(link: ProcessLink, question: ProcessQuestion): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await link.ask(question);
  } catch (error) {
    if (!(error instanceof ProcessUnavailable)) throw error;
    throw new ConsoleError(503, 'MasterUnavailable', error.message);
  }
  if (!isRefusal(answer)) return answer;
  const { refused, fault } = answer;
  throw fault === 'question'
    ? new ConsoleError(400, 'CannotAnswer', refused)
    : new ConsoleError(500, 'Failed', refused);
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof answer === 'object' && answer !== null && 'refused' in answer;
}

export function configuration(link: ProcessLink): Promise<unknown> {
  return ask(link, { about: 'configuration' });
}

export function generations(link: ProcessLink): Promise<unknown> {
  return ask(link, { about: 'generations' });
}

/** `args`: the query, with `from` and `to`. */
export async function difference(link: ProcessLink, args: string): Promise<unknown> {
  const query = new URLSearchParams(args);
  const [from, to] = ['from', 'to'].map((name) => Number(/^\d{1,9}$/.exec(query.get(name) ?? '')?.[0] ?? Number.NaN));
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to)) {
    throw new ConsoleError(400, 'BadParameter', '"from" and "to" are numbers of generations');
  }
  return ask(link, { about: 'difference', from, to });
}

export async function explanation(link: ProcessLink, body: Readonly<Record<string, unknown>>): Promise<unknown> {
  return ask(link, { about: 'explanation', form: formOf(body) });
}

function formOf({ request, fields = [], from = '', listen = '' }: Readonly<Record<string, unknown>>): ExplainForm {
  const isLine = (value: unknown): value is string => {
    return typeof value === 'string' && value.length <= MAX_LINE && !/[\r\n\0]/.test(value);
  };
  if (!isLine(request) || request === '') throw new ConsoleError(400, 'BadBody', '"request" is a request line');
  if (!Array.isArray(fields) || fields.length > MAX_FIELDS || !fields.every(isLine)) {
    throw new ConsoleError(400, 'BadBody', '"fields" is a list of lines such as "Name: value"');
  }
  if (!isLine(from) || !isLine(listen)) {
    throw new ConsoleError(400, 'BadBody', '"from" and "listen" are addresses');
  }
  return { request, fields, from, listen };
}

/** Reloads the configuration; a refused one has changed nothing. */
export async function reload(link: ProcessLink): Promise<ReloadReport> {
  return (await ask(link, { about: 'reload' })) as ReloadReport; // the answer to this question
}
