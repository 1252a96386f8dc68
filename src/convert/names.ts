/** Names in a converted configuration: of variables, upstreams and named locations. */

/** Part of the names of variables such as `$http_NAME` for a field. */
export function fieldVariable(field: string): string {
  return field.toLowerCase().replace(/\W/g, '_');
}

/** Words of a text, joined to a name; `otherwise` if it has none. */
export function nameFrom(text: string, otherwise: string): string {
  return text.replace(/\W+/g, '_').replace(/^_+|_+$/g, '') || otherwise;
}

/** Takes a name: the given one if it is free, otherwise with a number. */
export function freeName(base: string, taken: Set<string>): string {
  let name = base;
  for (let count = 2; taken.has(name); count++) name = `${base}_${count}`;
  taken.add(name);
  return name;
}
