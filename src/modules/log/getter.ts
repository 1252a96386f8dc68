/** Values of variables for the predefined formats. */
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import { websocketVariables } from '../../tunnel/websocket-variables.js';
import { upstreamVariables } from '../../upstream/variables.js';
import { variables } from './variables.js';

/** Byte string; undefined: there is no value. */
export type Value = (x: Exchange) => string | undefined;

/** The modules of these variables need not be loaded. */
export function getterOf(name: string, compiler: Compiler): Value {
  const getter = (variables[name] ?? websocketVariables[name] ?? upstreamVariables[name])?.get;
  if (getter !== undefined) return getter;
  const variable = compiler.variable(name);
  return (x) => variable.value(x);
}
