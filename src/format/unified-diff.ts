/** Difference of two texts in the format of `diff -u`. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';

/** Changed lines beyond which no shortest difference is computed, because that takes quadratic time. */
const MAX_CHANGES = 2000;

/**
 * Removed and added lines of a file with three lines of context; empty if there is no difference. Texts with little in
 * common are shown as one removal and one addition. All strings are bytes.
 */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return '';
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY, maxEditLength: MAX_CHANGES };
  return createTwoFilesPatch(name, name, before, after, undefined, undefined, options) ?? whole(name, before, after);
}

function whole(name: string, before: string, after: string): string {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const range = (count: number): string => `${count === 0 ? 0 : 1},${count}`;
  const head = `--- ${name}\n+++ ${name}\n@@ -${range(old.length)} +${range(fresh.length)} @@\n`;
  const side = (sign: string, lines: readonly string[]): string =>
    lines
      .map((line) => (line.endsWith('\n') ? sign + line : `${sign}${line}\n\\ No newline at end of file\n`))
      .join('');
  return head + side('-', old) + side('+', fresh);
}

/** Lines with their line breaks. */
function linesOf(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
