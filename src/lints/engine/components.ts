/** Strongly connected components of a graph. */

/** Component number of each node (Tarjan). Not recursive, because graphs of pairs are deep. */
export function components(edges: readonly (readonly number[])[]): number[] {
  const order = new Int32Array(edges.length).fill(-1);
  const low = new Int32Array(edges.length);
  const result = new Array<number>(edges.length).fill(-1);
  const open: number[] = [];
  let next = 0;
  let count = 0;
  for (let root = 0; root < edges.length; root++) {
    if (order[root] !== -1) continue;
    const path = [{ node: root, edge: 0 }];
    while (path.length > 0) {
      const frame = path[path.length - 1];
      if (frame === undefined) break;
      const { node } = frame;
      if (frame.edge === 0) {
        order[node] = low[node] = next++;
        open.push(node);
      }
      const to = edges[node]?.[frame.edge++];
      if (to !== undefined) {
        if (order[to] === -1) path.push({ node: to, edge: 0 });
        else if (result[to] === -1) low[node] = Math.min(low[node] ?? 0, order[to] ?? 0);
        continue;
      }
      path.pop();
      const parent = path[path.length - 1]?.node;
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
      if (low[node] !== order[node]) continue;
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        result[member] = count;
        if (member === node) break;
      }
      count++;
    }
  }
  return result;
}
