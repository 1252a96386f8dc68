/** Help for `${NAME}` in capitals where nginx does not allow variables: an envsubst template that was not expanded. */

/** Help for text that contains such a placeholder; null for other text. */
export function unexpandedHelp(text: string): string | null {
  const [, name] = /\$\{?([A-Z][A-Z0-9_]+)\}?/.exec(text) ?? [];
  return name === undefined ? null : `environment variables are read only if declared: expand_env ${name};`;
}
