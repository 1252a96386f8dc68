/** The rule of the arrows: imports run down the house only. */

/** The rooms from top to bottom; those of one storey in any order, as long as there is no circle between them. */
export const STOREYS: readonly (readonly string[])[] = [
  ['bin'],
  ['src/cli', 'src/index.ts'],
  ['src/explain'],
  ['src/process', 'src/lints', 'src/format'],
  ['src/modules'],
  ['src/server', 'src/upstream', 'src/tunnel'],
  ['src/exchange', 'src/routing'],
  ['src/http', 'src/zones'],
  ['src/config'],
  ['src/diagnostics'],
  ['grammar'],
];

/** The room that a file belongs to; undefined for a file outside of the house. */
export function roomOf(path: string): string | undefined {
  return STOREYS.flat().find((room) => path === room || path.startsWith(`${room}/`));
}

export function storeyOf(room: string): number {
  return STOREYS.findIndex((rooms) => rooms.includes(room));
}

/** The first circle among the edges of a graph, as the names on it; null where there is none. */
export function circleIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const done = new Set<string>();
  const search = (node: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(node)) {
      return [...trail.slice(trail.indexOf(node)), node];
    }
    if (done.has(node)) {
      return null;
    }
    for (const next of edges.get(node) ?? []) {
      const circle = search(next, [...trail, node]);
      if (circle !== null) {
        return circle;
      }
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const circle = search(node, []);
    if (circle !== null) {
      return circle;
    }
  }
  return null;
}
