/** Layers of the source tree: imports point to the same or a lower layer. */

/** Directories from the highest layer to the lowest; within one layer their order is free, but cycles are not allowed. */
export const LAYERS: readonly (readonly string[])[] = [
  ['bin'],
  ['src/cli', 'src/index.ts', 'src/testing.ts'],
  ['src/lsp'],
  ['src/explain', 'src/lints', 'src/format', 'src/convert', 'src/fragments'],
  ['src/library'],
  ['src/process'],
  ['src/modules', 'src/difference', 'src/module-api.ts'],
  ['src/scripting', 'src/console'],
  ['src/metrics', 'src/tracing'],
  ['src/server', 'src/upstream', 'src/cache', 'src/tunnel', 'src/tls', 'src/encoding'],
  ['src/http1', 'src/http2', 'src/websocket'],
  ['src/exchange', 'src/routing', 'src/program'],
  ['src/net', 'src/dns', 'src/http', 'src/zones', 'src/logging', 'src/files', 'src/passwords', 'src/tap'],
  ['src/config'],
  ['src/diagnostics'],
  ['grammar'],
];

/** Layered directory of a file; undefined for other files. */
export function directoryOf(path: string): string | undefined {
  return LAYERS.flat().find((directory) => path === directory || path.startsWith(`${directory}/`));
}

export function layerOf(directory: string): number {
  return LAYERS.findIndex((directories) => directories.includes(directory));
}

/** Nodes of a graph that are part of a cycle. */
export function nodesInCycles(edges: ReadonlyMap<string, Iterable<string>>): string[] {
  return [...edges.keys()].filter((start) => {
    const reached = new Set(edges.get(start));
    for (const node of reached) for (const next of edges.get(node) ?? []) reached.add(next);
    return reached.has(start);
  });
}

/** First cycle in a graph, as the names of its nodes; null if there is none. */
export function cycleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const done = new Set<string>();
  const search = (node: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(node)) {
      return [...trail.slice(trail.indexOf(node)), node];
    }
    if (done.has(node)) {
      return null;
    }
    for (const next of edges.get(node) ?? []) {
      const cycle = search(next, [...trail, node]);
      if (cycle !== null) {
        return cycle;
      }
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const cycle = search(node, []);
    if (cycle !== null) {
      return cycle;
    }
  }
  return null;
}
