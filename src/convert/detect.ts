/** Format of a text, by its name and content. */

export const FORMATS = ['caddy', 'haproxy', 'http-proxy-middleware', 'vite', 'nginx', 'json'] as const;

export type Format = (typeof FORMATS)[number];

/** Patterns of file names. */
const NAMES: readonly (readonly [RegExp, Format])[] = [
  [/(?:^|\/|\.)caddyfile(?:[.-].*)?$/i, 'caddy'],
  [/\.caddy$/i, 'caddy'],
  [/(?:^|\/)haproxy[^/]*\.(?:cfg|conf)$/i, 'haproxy'],
  [/\.cfg$/i, 'haproxy'],
  [/(?:^|\/)vite\.config\.[cm]?[jt]s$/i, 'vite'],
];

/** Patterns of contents, in the order in which they are tried. */
const CONTENTS: readonly (readonly [RegExp, Format])[] = [
  [/^\s*[[{][\s\S]*"(?:directive|parsed)"\s*:/, 'json'],
  [/^[ \t]*(?:frontend|backend|listen|defaults)(?:[ \t]+[\w.:-]+)?[ \t]*(?:#.*)?$/m, 'haproxy'],
  [/\bdefineConfig\s*\(|from\s*['"]vite['"]|require\(\s*['"]vite['"]\s*\)/, 'vite'],
  [/http-proxy-middleware|createProxyMiddleware|\bpathFilter\b/, 'http-proxy-middleware'],
  [/^\s*\{[\s\S]*"target"\s*:|^\s*\{\s*"[/^][^"]*"\s*:/, 'vite'],
  [/^[ \t]*(?:events|http|server|upstream[ \t]+[^\s{}]+|(?:location|map)[ \t][^{}\n]*)\s*\{/m, 'nginx'],
  [/^(?:.*[ \t])?\{[ \t]*(?:#.*)?$/m, 'caddy'],
  [/^[ \t]*(?:reverse_proxy|file_server|respond|encode|php_fastcgi|handle_path)\b/m, 'caddy'],
  [/^[ \t]*[a-z_]+[ \t][^;{}\n]*;/m, 'nginx'],
];

/** The format of a text; null if it is none of them. */
export function detectFormat(name: string, text: string): Format | null {
  const named = NAMES.find(([pattern]) => pattern.test(name));
  return (named ?? CONTENTS.find(([pattern]) => pattern.test(text)))?.[1] ?? null;
}
