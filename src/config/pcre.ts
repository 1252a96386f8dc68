/** Translates a regular expression from PCRE's notation to JavaScript's. */
import type { PatternData } from './template.js';

/** Why an expression was refused; `at` and `end` are offsets into it. */
export interface PatternMistake {
  readonly message: string;
  readonly at: number;
  readonly end: number;
  /** True where PCRE takes it and JavaScript has no exact counterpart. */
  readonly untranslatable: boolean;
  readonly help?: string;
}

export type Translation = { readonly pattern: PatternData } | { readonly mistake: PatternMistake };

/** The translation, or the reason why there is none. */
export function translate(written: string, caseless: boolean): Translation {
  const source = written.replace(/\(\?P</g, '(?<');
  const flags = caseless ? 'i' : '';
  try {
    new RegExp(source, flags);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { mistake: { message, at: 0, end: written.length, untranslatable: false } };
  }
  const names = [...source.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map((match) => match[1] ?? '');
  return { pattern: { source, flags, written, names } };
}
