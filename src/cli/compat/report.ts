/** Survey of a configuration as text and as JSON. */

import { positionOf } from '../../../grammar/positions.js';
import type { Span } from '../../../grammar/syntax-tree.js';
import { toText } from '../../diagnostics/byte-string.js';
import { findingsToJson, type JsonFinding } from '../../diagnostics/json.js';
import { placesText } from '../../diagnostics/place.js';
import type { Style } from '../../diagnostics/style.js';
import type { Enclosing } from '../../fragments/blocks.js';
import { wrapped } from '../paragraph.js';
import type { Entry, Status, Survey } from './survey.js';

/** Overall result: the worst status found. */
export type Verdict = 'supported' | 'without effect' | 'different' | 'refused';

export function verdictOf({ entries, refusals, isAccepted }: Survey): Verdict {
  const has = (status: Status): boolean => entries.some((entry) => entry.status === status);
  if (refusals.length > 0 || has('refused') || (has('missing') && !isAccepted)) return 'refused';
  if (has('different') || has('missing')) return 'different';
  return has('without effect') ? 'without effect' : 'supported';
}

const SENTENCES: Readonly<Record<Verdict, string>> = {
  supported: 'tsproxy accepts this configuration and supports all of it.',
  'without effect': 'tsproxy accepts this configuration; some of it has no effect here.',
  different: 'tsproxy accepts this configuration; check whether the differences matter.',
  refused: 'tsproxy refuses this configuration as it is.',
};

const HEADINGS: readonly (readonly [status: Status, heading: string])[] = [
  ['missing', 'Missing'],
  ['refused', 'Refused as it is written'],
  ['different', 'Different from nginx'],
  ['without effect', 'Accepted without effect'],
  ['supported', 'Supported'],
];

/** Refusals listed in the text; further ones are counted. */
const MAX_REFUSALS = 100;

/** The surveyed configuration. */
export interface Subject {
  /** Name of the configuration. */
  readonly file: string;
  /** Block in which the file was included; null for a whole configuration. */
  readonly readAs: Enclosing | null;
}

/** Report as text. */
export function reportText({ file, readAs }: Subject, survey: Survey, style: Style, width: number): string {
  const verdict = verdictOf(survey);
  const paint = verdict === 'refused' ? style.error : verdict === 'different' ? style.warning : style.strong;
  const sections = HEADINGS.flatMap(([status, heading]) => section(survey, status, heading, style, width));
  const part = readAs === null ? [] : [`${file} is read as a part of ${readAs} { }.\n`];
  return [...part, ...sections, `${style.strong(`${file}:`)} ${paint(SENTENCES[verdict])} ${counts(survey)}.\n`].join(
    '\n',
  );
}

function section(survey: Survey, status: Status, heading: string, style: Style, width: number): string[] {
  const entries = survey.entries.filter((entry) => entry.status === status);
  const refused = status === 'refused' ? refusals(survey, style, width) : '';
  if (entries.length === 0 && refused === '') return [];
  const title = style.strong(`${heading} (${status === 'refused' ? survey.refusals.length : entries.length})`);
  if (status === 'supported') {
    const names = [...new Set(entries.map(({ name }) => name))];
    const noted = entries.filter(({ remark }) => remark !== null);
    const notes = `${style.strong(`Supported, with slight differences (${noted.length})`)}\n`;
    return [
      ...(noted.length === 0 ? [] : [notes + noted.map((entry) => line(entry, style, width)).join('')]),
      `${title}\n${wrapped(names.join(' '), '  ', width)}\n`,
    ];
  }
  if (status === 'refused') return [`${title}\n${refused}`];
  return [`${title}\n${entries.map((entry) => line(entry, style, width)).join('')}`];
}

function line({ name, status, module, remark, places }: Entry, style: Style, width: number): string {
  const owner = status === 'missing' && module !== '' ? ` (${module})` : '';
  const reason = remark === null ? '' : `${wrapped(remark, '      ', width)}\n`;
  return `  ${toText(name)}${owner}  ${style.faint(placesText(places))}\n${reason}`;
}

/** Each message once, with its places. */
function refusals({ refusals: all }: Survey, style: Style, width: number): string {
  const places = new Map<string, Span[]>();
  for (const { message, at } of all) {
    const others = places.get(message);
    if (others === undefined) places.set(message, at === null ? [] : [at]);
    else if (at !== null) others.push(at);
  }
  const lines = [...places].slice(0, MAX_REFUSALS).map(([message, where]) => {
    const text = `${wrapped(toText(message), '  ', width)}\n`;
    return where.length === 0 ? text : `${text}${style.faint(wrapped(placesText(where), '      ', width))}\n`;
  });
  const more = places.size > MAX_REFUSALS ? `  and ${places.size - MAX_REFUSALS} more\n` : '';
  return lines.join('') + more;
}

/** `Directives, parameters and variables: 9 supported, 2 without effect, 1 missing` */
function counts({ entries, refusals: all }: Survey): string {
  const parts = [...HEADINGS].reverse().flatMap(([status]) => {
    const count = entries.filter((entry) => entry.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  const errors = all.length === 0 ? [] : [`${all.length} error${all.length === 1 ? '' : 's'} of -t`];
  return [...(parts.length === 0 ? [] : [`Directives, parameters and variables: ${parts.join(', ')}`]), ...errors].join(
    '; ',
  );
}

interface JsonEntry {
  readonly name: string;
  readonly status: Status;
  readonly module: string;
  readonly remark?: string;
  /** Total number of places, which may exceed the list. */
  readonly count: number;
  readonly places: readonly { readonly file: string; readonly line: number; readonly column: number }[];
}

export interface JsonReport {
  readonly file: string;
  readonly readAs: Enclosing | null;
  readonly verdict: Verdict;
  /** Number of distinct directives and variables. */
  readonly counts: Readonly<Record<Status, number>>;
  readonly entries: readonly JsonEntry[];
  /** Errors of `-t` other than missing directives and variables. */
  readonly refusals: readonly JsonFinding[];
}

/** Places listed per entry in the JSON. */
const MAX_LISTED = 1000;

/** Report as JSON. */
export function reportJson(subject: Subject, survey: Survey): JsonReport {
  const count = (status: Status): number => survey.entries.filter((entry) => entry.status === status).length;
  return {
    ...subject,
    verdict: verdictOf(survey),
    counts: {
      supported: count('supported'),
      'without effect': count('without effect'),
      different: count('different'),
      missing: count('missing'),
      refused: count('refused'),
    },
    entries: survey.entries.map(({ name, status, module, remark, places }) => ({
      name: toText(name),
      status,
      module,
      ...(remark !== null && { remark }),
      count: places.length,
      places: places.slice(0, MAX_LISTED).map(placeOf),
    })),
    refusals: findingsToJson(survey.refusals),
  };
}

function placeOf({ source, start }: Span): JsonEntry['places'][number] {
  return { file: toText(source.name), ...positionOf(source, start) };
}
