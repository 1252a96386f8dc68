/** Help for `${NAME}` in capitals where nginx does not allow variables: an envsubst template that was not expanded. */

/**
 * Help for text that contains such a placeholder; null for other text.
 *
 * @param declared names that `expand_env` has replaced
 */
export function unexpandedHelp(text: string, declared: ReadonlySet<string> = new Set()): string | null {
  const [, name] = /\$\{?([A-Z][A-Z0-9_]+)\}?/.exec(text) ?? [];
  return name === undefined || declared.has(name)
    ? null
    : `environment variables are read only if declared: expand_env ${name}; if this is a template, expand it first: envsubst '\${${name}}' < template > nginx.conf`;
}
