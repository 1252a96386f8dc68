// @ts-check
/** `office_hours`: allows requests between two hours of the day (UTC). */
import { custom, defineModule, OK } from 'tsproxy/module';

/** Two hours, `9-17`: from the first, until before the second. */
const hours = custom('from-to', 1, 1, ([word], c) => {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(word?.text ?? '') ?? [];
  if (from === undefined || Number(from) >= Number(to) || Number(to) > 24) {
    return c.fail(c.statement.args[0] ?? c.statement.name, 'invalid-value', `invalid hours "${word?.text}"`, {
      help: 'two hours of the day: 9-17',
    });
  }
  return { from: Number(from), to: Number(to) };
});

/** The hour of the day, UTC. */
const hour = () => new Date().getUTCHours();

export default defineModule({
  name: 'office_hours',
  doc: 'Restricts access to office hours.',
  directives: {
    office_hours: {
      contexts: ['http', 'server', 'location'],
      takes: hours,
      doc: 'Hours of the day (UTC) in which requests are allowed; others are refused with 403.',
      example: 'office_hours 9-17;',
    },
  },
  variables: {
    hour_of_day: { get: () => String(hour()), doc: 'The hour of the day (UTC).' },
  },
  phases: {
    access: {
      order: 100,
      // Called for each location. The type of `conf.office_hours` follows from `takes`; undefined: not set.
      compile: ({ office_hours: open }) => {
        if (open === undefined) return null;
        // OK grants access with `satisfy any`; a status ends the request.
        return () => (hour() >= open.from && hour() < open.to ? OK : 403);
      },
    },
  },
});
