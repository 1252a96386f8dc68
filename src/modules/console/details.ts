/** Details of requests, from the worker that has handled them. */
import type { RequestDetails } from '../../console/feed-format.js';
import { detailsOf } from '../../console/request-details.js';
import type { RedactionSettings } from '../../tap/settings.js';
import type { ConsoleTable } from './context.js';

/** A question to all workers about a request. */
interface DetailsQuestion {
  readonly about: 'details';
  readonly id: string;
  readonly redaction: RedactionSettings;
}

/** The recorded details of a request; null: there are none. */
export async function findDetails(
  table: ConsoleTable,
  id: string,
  redaction: RedactionSettings,
): Promise<RequestDetails | null> {
  const question: DetailsQuestion = { about: 'details', id, redaction };
  const answers = await table.ask(question);
  return (answers.find((answer) => answer !== null) as RequestDetails | undefined) ?? null;
}

/** Sets the answer of this worker: from the record of a request, or from a tunnel that is older than the records. */
export function answerDetails(table: ConsoleTable): void {
  table.answer('details', (question) => {
    const { id, redaction } = question as DetailsQuestion;
    const record = table.tap.records?.find(id) ?? [...table.tunnels].find(({ tapId }) => tapId === id)?.record;
    return record === undefined ? null : detailsOf(record, redaction);
  });
}
