/** Report about a configuration for a release of nginx (`compat --nginx`), as text and as JSON. */
import type { Span } from '../../../grammar/syntax-tree.js';
import type { Finding } from '../../diagnostics/finding.js';
import { findingsToJson, type JsonFinding } from '../../diagnostics/json.js';
import { placesText } from '../../diagnostics/place.js';
import type { Style } from '../../diagnostics/style.js';
import { wrapped } from '../paragraph.js';

/** Codes of the findings about a release, with their headings. */
const HEADINGS: readonly (readonly [code: string, heading: string])[] = [
  ['nginx-lacks', 'Missing'],
  ['nginx-removed', 'Removed'],
  ['nginx-vulnerable', 'Vulnerable'],
  ['nginx-deprecated', 'Deprecated'],
  ['nginx-default', 'Other defaults'],
];

/** Findings about the release, without those of the checker and the lints. */
export function ofRelease(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ code }) => HEADINGS.some(([each]) => each === code));
}

/** Whether the release accepts the configuration. */
export function isAccepted(findings: readonly Finding[]): boolean {
  return !findings.some(({ severity }) => severity === 'error');
}

/** @param release `1.28.0` */
export function releaseText(
  file: string,
  release: string,
  findings: readonly Finding[],
  style: Style,
  width: number,
): string {
  const sections = HEADINGS.flatMap(([code, heading]) => {
    const own = findings.filter((each) => each.code === code);
    if (own.length === 0) return [];
    const groups = new Map<string, { readonly help: string | undefined; readonly places: Span[] }>();
    for (const { message, help, at } of own) {
      const group = groups.get(message) ?? { help, places: [] };
      groups.set(message, group);
      if (at !== null) group.places.push(at);
    }
    const lines = [...groups].map(
      ([message, { help, places }]) =>
        `${wrapped(message, '  ', width)}\n${style.faint(wrapped(placesText(places), '      ', width))}\n${help === undefined ? '' : `${wrapped(help, '      ', width)}\n`}`,
    );
    return [`${style.strong(`${heading} (${groups.size})`)}\n${lines.join('')}`];
  });
  const verdict = !isAccepted(findings)
    ? style.error(`nginx ${release} refuses this configuration.`)
    : findings.length > 0
      ? style.warning(`nginx ${release} accepts this configuration; see above.`)
      : style.strong(`nginx ${release} has everything that this configuration uses.`);
  return [...sections, `${style.strong(`${file}:`)} ${verdict}\n`].join('\n');
}

export interface JsonRelease {
  readonly file: string;
  readonly nginx: string;
  readonly accepted: boolean;
  readonly findings: readonly JsonFinding[];
}

export function releaseJson(file: string, release: string, findings: readonly Finding[]): JsonRelease {
  return { file, nginx: release, accepted: isAccepted(findings), findings: findingsToJson(findings) };
}
