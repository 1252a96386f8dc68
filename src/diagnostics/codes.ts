/**
 * The registry of codes: every kind of finding has one stable code, declared here once with its story in one paragraph.
 * A new one is one line; it is never renamed or reused, because people silence, search and count findings by it.
 */
export const codes = {
  // the language
  syntax:
    'The text is not a configuration: a quote or a block is not closed, or a brace or a `;` stands where none may. The rest of the file is still read, so that one slip does not hide the next.',
  'unexpected-block': 'A block `{ ... }` was opened where only simple entries ended by `;` may stand.',

  // files
  'file-not-found':
    'The configuration names a file that cannot be read, because it is missing or because of its permissions.',
  'include-cycle':
    'A file includes itself, directly or through other files. nginx would read it until it runs out of file descriptors.',

  'too-long':
    'All files together have more than four million words. That is no configuration: a log or a dump was named, or files include each other many times over. It is refused, because to read it would take gigabytes of memory.',

  'byte-order-mark':
    'The file begins with the three bytes with which some editors mark UTF-8. nginx takes them for a part of the first word, and refuses that as an unknown directive; tsproxy skips them.',

  // directives
  'unknown-directive':
    'No directive has this name. Mostly a slip of the finger; the nearest names that may stand in this block are offered.',
  'nginx-only-directive':
    'nginx knows this directive, tsproxy does not (yet). The configuration is right, but it asks for something that would not happen; so it is refused instead of passed over in silence.',
  'wrong-context': 'The directive exists, but may not stand in this block.',
  'duplicate-directive': 'The directive may be given once in a block, and is given again.',
  'argument-count': 'The directive was given more or fewer words than it takes.',
  'missing-block': 'The directive opens a block, and `{` is missing. Often a `;` stands in its place.',
  'unwanted-block':
    'The directive takes no block and must end with `;`. Often that `;` was forgotten, and the block belongs to the next directive.',
  'missing-semicolon':
    'The `;` that ends a directive is missing, so that the next line became part of it. nginx complains about the words or the brace that it then finds there; here the place is shown where the `;` belongs. Where both together are right by chance (`server_name` takes any words), it is a warning.',
  'too-deep':
    'Blocks stand in blocks, deeper than any sensible configuration. It is refused, because each level costs stack.',
  'missing-events':
    'The configuration has no `events` block. nginx refuses to start without one, even an empty one; tsproxy needs none, but the same file would not work there. It is an error where there is no `http` block either: a file that is empty, or was not yet written to its end, must not take the place of one that serves.',

  'cannot-start':
    'The configuration is right, and still could not be put in force on this machine: a host has no address, a file cannot be opened.',

  // values
  'invalid-value': 'A word is none of the values that the directive takes.',
  'duplicate-value': 'The same value is given twice; the second changes nothing.',
  'invalid-regex': 'The regular expression is not valid, in PCRE or at all.',
  'untranslatable-regex':
    'PCRE accepts this regular expression, but it uses a rare notation that tsproxy does not know, such as the verb `(*SKIP)`. It is refused, because an expression that matches other requests than in nginx would be worse than none.',
  'invalid-variable': 'A `$` is not followed by the name of a variable, or the closing brace of `${name}` is missing.',
  'unknown-variable':
    'The configuration uses a variable that nothing defines: no module, no `set` or `map`, no named group of a regular expression.',
  'nginx-only-variable':
    'nginx knows this variable, tsproxy does not (yet): it belongs to a module that is not here. The configuration is right, but would get nothing from it; so it is refused.',
  'invalid-reference': 'The configuration names something (an upstream, a zone, a log format) that it does not define.',
  'missing-server': 'An upstream has no server that requests could go to.',
  'missing-zone':
    'nginx refuses the configuration without a `zone` in the upstream; tsproxy needs none, but the same file would not work there.',
  'duplicate-definition': 'Two blocks define the same thing, and only one of them could have effect.',
  'conflicting-directives': 'Two directives of one block contradict each other.',
  'no-effect':
    'What is written is accepted, as in nginx, and changes nothing: bits of an address beyond its mask, a network that is deleted and was never there. Mostly something else was meant.',

  // comments
  'unused-ignore':
    'A comment `# tsproxy-ignore: CODE` silences nothing: no such warning is found on its line or on the line below, the code is misspelt, or it is an error, which cannot be silenced. What once was silenced on purpose would later hide something else.',
} as const satisfies Readonly<Record<string, string>>;

/** A code of the registry. */
export type Code = keyof typeof codes;
