/**
 * The registry of codes: every kind of finding has one stable code, declared here once with its description in one paragraph.
 * Adding a code takes one line. A code is never renamed or reused, because users silence, search and count findings by it.
 */
export const codes = {
  // the language
  syntax:
    'The text is not a valid configuration: a quote or a block is not closed, or a brace or a `;` is in the wrong place. The rest of the file is still parsed, so that one error does not hide the next.',
  'unexpected-block': 'A block `{ ... }` was opened where only simple directives ending with `;` are allowed.',

  // files
  'file-not-found':
    'The configuration names a file that cannot be read, because it is missing or because of its permissions.',
  'include-cycle':
    'A file includes itself, directly or through other files. nginx would read it until it runs out of file descriptors.',

  'too-long':
    'All files together have more than four million words. This is not a plausible configuration: a log or a dump was named, or files include each other many times over. It is rejected, because parsing it would take gigabytes of memory.',

  'byte-order-mark':
    'The file begins with the UTF-8 byte order mark (three bytes) that some editors write. nginx treats it as part of the first word and rejects that word as an unknown directive; tsproxy skips it.',

  // directives
  'unknown-directive':
    'No directive has this name. Usually it is a typo; the closest names that are allowed in this block are suggested.',
  'nginx-only-directive':
    'nginx has this directive, or this value of it, and tsproxy does not (yet). The configuration is valid, but the directive would have no effect, so it is rejected instead of being silently ignored. With `allow_unsupported` this is a warning: a directive that affects only speed or size is ignored, and requests that need any other one are answered with 501. A value that turns the feature off, and a setting of a feature that is not used, are accepted.',
  'wrong-context': 'The directive exists, but is not allowed in this block.',
  'duplicate-directive': 'The directive is allowed once per block, and is repeated.',
  'argument-count': 'The directive has more or fewer arguments than it takes.',
  'missing-block': 'The directive opens a block, and `{` is missing. Often there is a `;` in its place.',
  'unwanted-block':
    'The directive takes no block and must end with `;`. Often the `;` was forgotten, and the block belongs to the next directive.',
  'missing-semicolon':
    'The `;` that ends a directive is missing, so that the next line became part of it. nginx reports the arguments or the brace that follow; tsproxy shows the position where the `;` belongs. If the two lines happen to be valid as one directive (`server_name` takes any arguments), this is a warning.',
  'too-deep':
    'Blocks are nested deeper than in any sensible configuration. This is rejected, because each level uses stack.',
  'missing-events':
    'The configuration has no `events` block. nginx refuses to start without one, even an empty one; tsproxy does not require one, but the same file would not work with nginx. It is an error if there is no `http` block either: a file that is empty or incompletely written must not replace a working configuration.',

  'cannot-start':
    'The configuration is valid, but could not be applied on this machine: a host has no address, or a file cannot be opened.',

  // values
  'invalid-value': 'An argument is not one of the values that the directive takes.',
  'duplicate-value': 'The same value is given twice; the second has no effect.',
  'invalid-regex': 'The regular expression is not valid in PCRE.',
  'untranslatable-regex':
    'PCRE accepts this regular expression, but it uses rare syntax that tsproxy does not support, such as the verb `(*SKIP)`. It is rejected, because an expression that matches different requests than in nginx would be worse than none.',
  'invalid-variable': 'A `$` is not followed by the name of a variable, or the closing brace of `${name}` is missing.',
  'unknown-variable':
    'The configuration uses a variable that nothing defines: no module, no `set` or `map`, no named group of a regular expression.',
  'nginx-only-variable':
    'nginx has this variable, tsproxy does not (yet): it belongs to a module that tsproxy does not provide. The configuration is valid, but the variable would always be empty, so it is rejected. With `allow_unsupported` this is a warning, and requests that depend on the variable are answered with 501.',
  'invalid-reference':
    'The configuration refers to something (an upstream, a zone, a log format) that it does not define.',
  'missing-server': 'An upstream has no server that requests could be sent to.',
  'missing-zone':
    'nginx rejects the configuration without a `zone` in the upstream; tsproxy does not require one, but the same file would not work with nginx.',
  'duplicate-definition': 'Two blocks define the same thing, and only one of them could take effect.',
  'conflicting-directives': 'Two directives of one block contradict each other.',
  'no-effect':
    'The directive is accepted, as in nginx, but has no effect: address bits beyond the mask, or deletion of a network that was never added; usually something else was intended. Likewise for QUIC, which clients can do without.',
  deprecated:
    'The directive or parameter is accepted, as in nginx, which has replaced it by another directive or removed its feature. An obsolete directive has no effect.',

  // the release of nginx named by --nginx
  'nginx-lacks':
    'The release of nginx named by `--nginx` does not have the directive, parameter or variable, because it is newer, or because only nginx Plus or tsproxy has it: that nginx refuses the configuration. The finding names the first version with it.',
  'nginx-removed':
    'The release of nginx named by `--nginx` no longer has the directive or parameter, and refuses the configuration. The finding names the replacement.',
  'nginx-deprecated':
    'The release of nginx named by `--nginx` accepts the directive or parameter with a warning, or ignores it. The finding names the replacement.',
  'nginx-default':
    'The release of nginx named by `--nginx` has another default than newer ones, such as TLS versions that are no longer considered safe. The finding names the line that has the same meaning in all versions.',
  'nginx-vulnerable':
    'The release of nginx named by `--nginx` has a published vulnerability, and the configuration meets its condition: it uses the module, or the combination of directives. The finding names the versions with the fix, and a change of the configuration that avoids it, if there is one. Packages of distributions may have the fix under an older version.',

  // modules
  'module-not-loaded':
    'A file of `load_module` cannot be read, is not valid JavaScript, fails when it is loaded, or does not export a module; or its module declares names that others have.',
  'built-in-module':
    'A dynamic module of nginx is loaded whose directives are built in. The line has no effect and can be removed, unless the same file is used with nginx.',

  'missing-package':
    'The directive needs packages that are not installed with tsproxy, because most configurations do not use them: those for JSON Web Tokens, JSON Schema, traces, and scripts in TypeScript. The help has the command that installs them; they have to be beside tsproxy, in the same `node_modules`.',

  // scripts
  'script-module':
    'A module of `js_import`, or one that it imports, has a syntax error, or an import without a matching file, package or export. The place is in the module. As a warning: an error that nothing handles, such as a rejected promise, while it is evaluated; a start logs it.',
  'script-function':
    'A directive names a function that the imported modules do not export, or something other than a function.',

  // comments
  'unused-ignore':
    'A comment `# tsproxy-ignore: CODE` silences nothing: there is no such warning on its line or on the line below, the code is misspelt, or it is an error, which cannot be silenced. A leftover comment could later hide a different problem.',
} as const satisfies Readonly<Record<string, string>>;

/** A code of the registry. */
export type Code = keyof typeof codes;
