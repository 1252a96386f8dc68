/** Formats changes of configurations as lines for people or logs. */
import type { Place } from '../config/place.js';
import type { Change } from './change.js';

/** One line without its terminator, as bytes. */
export function changeLine({ kind, change, name, within, before, after, directives, locations }: Change): string {
  const what = kind === 'directive' ? name : `${kind === 'peer' ? 'server' : kind} ${name}`;
  const where = within === '' ? '' : kind === 'directive' ? ` in ${within}` : ` of ${within}`;
  const which = directives.length === 0 ? '' : `: ${directives.join(', ')}`;
  const affected =
    kind === 'location' || locations === 0 ? '' : `, for ${locations} location${locations === 1 ? '' : 's'}`;
  return `${change} ${what}${where}${which}${affected}${placesOf(before, after)}`;
}

function placesOf(before: Place | null, after: Place | null): string {
  const [a, b] = [before, after].map((place) => (place === null ? '' : `${place.file}:${place.line}`));
  const places = [...new Set([a, b].filter((place) => place !== '' && place !== undefined))];
  return places.length === 0 ? '' : ` (${places.join(' -> ')})`;
}

/** Returns at limit `limit` lines; the last one states how many are omitted. */
export function changeLines(changes: readonly Change[], limit = Number.POSITIVE_INFINITY): string[] {
  const lines = changes.slice(0, limit).map(changeLine);
  if (changes.length > limit) lines.push(`and ${changes.length - limit} more`);
  return lines;
}
