/** What is said of a directive that may not stand where it stands: unknown, misplaced, or not made yet. */
import type { Statement } from '../../grammar/syntax-tree.js';
import { isOneSlip } from '../diagnostics/nearest.js';
import type { Catalogue, Declared } from './catalogue.js';
import type { Context } from './directive.js';
import { nginxContexts } from './nginx-directives.js';
import type { Notes } from './notes.js';

/** Reports it; gives the directive that was probably meant, so that its block can be checked as such. */
export function reportUnknown(
  statement: Statement,
  context: Context,
  catalogue: Catalogue,
  notes: Notes,
): Declared | undefined {
  const name = statement.name.text;
  const elsewhere = catalogue.all(name);
  const known = nginxContexts(name);
  if (known?.includes(context)) {
    notes.report(statement.name, 'nginx-only-directive', `directive "${name}" is known to nginx, but not to tsproxy`, {
      help: 'nginx knows this, tsproxy does not (yet); it is refused because it would have no effect',
    });
    return undefined;
  }
  if (elsewhere.length > 0 || known !== undefined) {
    const contexts = elsewhere.length > 0 ? elsewhere.flatMap(({ spec }) => spec.contexts) : (known ?? []);
    notes.report(statement.name, 'wrong-context', `"${name}" directive is not allowed here`, {
      help: `${context === 'main' ? 'this is the outermost level' : `this is inside "${context}"`}; ${placesOf(name, contexts)}`,
    });
    return elsewhere[0];
  }
  const candidates = catalogue.suggestions.nearest(name, catalogue.names());
  const meant = candidates.find((candidate) => catalogue.find(candidate, context) !== undefined) ?? candidates[0];
  notes.report(statement.name, 'unknown-directive', `unknown directive "${name}"`, {
    ...(meant !== undefined && {
      help: `did you mean "${meant}"?`,
      fix: {
        title: `write ${meant}`,
        guess: !isOneSlip(name, meant, candidates),
        edits: [{ at: statement.name, text: meant }],
      },
    }),
  });
  return meant === undefined ? undefined : (catalogue.find(meant, context) ?? catalogue.all(meant)[0]);
}

function placesOf(name: string, contexts: readonly Context[]): string {
  if (contexts.length === 0) {
    return `"${name}" belongs to a part of nginx that is not about HTTP`;
  }
  const places = [...new Set(contexts)].map((context) => (context === 'main' ? 'the outermost level' : context));
  return `"${name}" may stand in: ${places.join(', ')}`;
}
