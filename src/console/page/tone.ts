/** CSS classes of colors by meaning. */

/** Class of a status code: its first digit, or that of a pending request. */
export function statusTone(status: number | null): string {
  if (status === null) return 'is-pending';
  if (status === 0) return 'is-5xx';
  return `is-${Math.floor(status / 100)}xx`;
}

export type Level = 'good' | 'warning' | 'bad' | 'idle';

/** A colored dot with its meaning as text, so that color is not the only sign. */
export function levelClass(level: Level): string {
  return `state is-${level}`;
}
