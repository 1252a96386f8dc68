/** Statements, and parameters of statements, that are accepted without effect. */
import type { Statement, Word } from '../../grammar/syntax-tree.js';
import type { DirectiveSpec } from './directive.js';

export interface WithoutEffect {
  /** Name of the directive, or of the parameter. */
  readonly at: Word;
  /** `sendfile`, or `listen rcvbuf`. */
  readonly name: string;
  readonly reason: string;
}

/** The statement itself, or those of its parameters that have no effect. */
export function withoutEffect({ name, args }: Statement, spec: DirectiveSpec): readonly WithoutEffect[] {
  const { noEffect, noEffectParameters } = spec;
  if (noEffect !== undefined) return [{ at: name, name: name.text, reason: noEffect }];
  if (noEffectParameters === undefined) return [];
  const reasons = new Map(
    Object.entries(noEffectParameters).map(([key, reason]) => [key.toLowerCase(), { key, reason }]),
  );
  return args.flatMap((at) => {
    const found = reasons.get(at.text.replace(/=.*/s, '').toLowerCase());
    return found === undefined ? [] : [{ at, name: `${name.text} ${found.key}`, reason: found.reason }];
  });
}
