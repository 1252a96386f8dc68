/** One reader under fuzzing: makes texts from known ones, and says what must be true of each. */
import type { Random } from '../stress/random.js';

export interface FuzzTarget {
  readonly name: string;
  /** A text. Bytes. */
  make(random: Random): string;
  /** Throws where something is not true of the text. `random`: for choices that are no part of it (where it is cut). */
  check(text: string, random: Random): void | Promise<void>;
}

/** One case of a target: its number and the seed give the text, whatever was run before. */
export function caseOf(target: FuzzTarget, random: Random): { text: string; check: () => void | Promise<void> } {
  const text = target.make(random);
  return { text, check: () => target.check(text, random) };
}

/** A text that was one of `texts` once. `words` are pieces that mean something. */
export function mutatedBytes(texts: readonly string[], words: readonly string[], random: Random): string {
  let text = random.of(texts);
  for (let count = random.below(6); count > 0; count--) text = mutatedOnce(text, texts, words, random).slice(0, 50_000);
  return text;
}

function mutatedOnce(text: string, texts: readonly string[], words: readonly string[], random: Random): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.below(random.of([1, 4, 30])));
  const [before, piece, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (random.below(8)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 3:
      return before + random.of(words) + text.slice(at);
    case 4:
      return before + random.of(words) + after;
    case 5: {
      const other = random.of(texts);
      const from = random.below(other.length + 1);
      return before + other.slice(from, from + random.below(200)) + text.slice(at);
    }
    case 6:
      return (
        before +
        text.slice(at).replace(/[A-Za-z]+/, (word) => (random.below(2) === 0 ? word.toUpperCase() : word.toLowerCase()))
      );
    default:
      return text + random.of(texts);
  }
}

/** Offsets at which a text is cut. */
export function places(random: Random): number[] {
  return Array.from({ length: random.below(8) }, () => random.below(1 << 30));
}
