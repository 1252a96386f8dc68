/** Changes of fields: `header`, `request_header`, `header_up`, `header_down`. */
import type { Condition } from '../conditions.js';
import type { FieldEdit, Template } from '../model.js';
import type { NoteList } from '../note-list.js';
import type { Segment } from './parser.js';
import { templateOf } from './placeholders.js';

/** One change; null if it has no equivalent, which is noted. */
export function headerEdit(
  change: FieldEdit['change'],
  words: readonly string[],
  { line, name: directive }: Segment,
  when: Condition,
  notes: NoteList,
): FieldEdit | null {
  const [written = '', value, replacement] = words;
  const operator = /^[+\-?>]*/.exec(written)?.[0] ?? '';
  const name = written.slice(operator.length).replace(/:$/, '');
  if (replacement !== undefined) {
    notes.missing(line, `${directive}: replacing a part of the field "${name}" is not converted`);
    return null;
  }
  if (name === '' || !/^[\w-]+$/.test(name)) {
    notes.missing(line, `${directive}: the pattern of fields "${written}" is not converted`);
    return null;
  }
  if (operator.includes('-') || value === undefined) return { change, how: 'remove', name, value: [], when };
  const template = valueOfField(value, line, directive, notes);
  if (template === null) return null;
  const how = operator.includes('+') ? 'add' : operator.includes('?') ? 'default' : 'set';
  return { change, how, name, value: template, when };
}

function valueOfField(value: string, line: number, directive: string, notes: NoteList): Template | null {
  return templateOf(value, (placeholder) => {
    notes.missing(line, `${directive}: the placeholder ${placeholder} has no variable; its field is not converted`);
  });
}

/** Lines of `header` or `request_header`: on the line of the directive, or in its block. */
export function editLines(segment: Segment, args: readonly string[]): readonly (readonly string[])[] {
  const own = args.length > 0 ? [args] : [];
  return [...own, ...(segment.block ?? []).map((each) => [each.name, ...each.args])];
}
