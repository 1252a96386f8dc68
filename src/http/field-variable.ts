/** Maps variables to fields: `$http_user_agent` is `User-Agent`. */
import type { HeaderBlock } from './header-block.js';

/** Whether the rest of a variable's name (lower case, `_` for `-`) denotes the field `name`. */
export function meansField(rest: string, name: string): boolean {
  if (rest.length !== name.length) return false;
  for (let i = 0; i < rest.length; i++) {
    let c = name.charCodeAt(i);
    if (c >= 65 && c <= 90) c |= 32;
    else if (c === 45) c = 95;
    if (c !== rest.charCodeAt(i)) return false;
  }
  return true;
}

/** Returns the values of the fields denoted by `rest`, joined by `, `; undefined if there are none. */
export function fieldsMeant(block: HeaderBlock, rest: string): string | undefined {
  if (!rest.includes('_')) return block.joined(rest);
  let value: string | undefined;
  for (let i = 0; i < block.count; i++) {
    if (block.nameLength(i) !== rest.length || !meansField(rest, block.name(i))) continue;
    value = value === undefined ? block.value(i) : `${value}, ${block.value(i)}`;
  }
  return value;
}
