/** Help for `${NAME}` in capitals where nginx has no variables: a template for envsubst that was not filled in. */

/** The help for text that has such a placeholder; null for other text. */
export function unexpandedHelp(text: string): string | null {
  const [, name] = /\$\{?([A-Z][A-Z0-9_]+)\}?/.exec(text) ?? [];
  return name === undefined
    ? null
    : `environment variables are not read; if this is a template, fill it in first: envsubst '\${${name}}' < template > nginx.conf`;
}
