/**
 * Public module API: `import { … } from 'tsproxy/module'`. docs/modules.md describes it, with the rules for its changes.
 * Everything that is exported here, and the types to which it refers, is part of it.
 */
import type { Directives } from './config/directive.js';
import type { ModuleDefinition } from './program/module-definition.js';

export {
  choice,
  custom,
  flag,
  integer,
  listOf,
  milliseconds,
  named,
  none,
  optional,
  pair,
  path,
  pattern,
  seconds,
  sequence,
  size,
  template,
  text,
  word,
} from './config/argument-types.js';
export type { ArgumentContext, ArgumentType, ConfOf, Context, DirectiveSpec, Directives } from './config/directive.js';
export type { Level } from './config/log-level.js';
export type { PatternData, TemplateData } from './config/template.js';
export type { BodySink, Chunk, Producer, RequestBody } from './program/body.js';
export { logError } from './program/error-context.js';
export type { Exchange, HttpClient, Subrequest, SubrequestOptions, SubrequestSink } from './program/exchange.js';
export type { BodyFilter, BodyFilterFactory, Handler, HeaderFilter } from './program/handler.js';
export type {
  CompiledPattern,
  HttpBlock,
  ModuleCompiler,
  ModuleDefinition,
  ModuleScope,
  PhaseHandler,
  SharedObjects,
} from './program/module-definition.js';
export type { Phase } from './program/phases.js';
export type { Client, Session } from './program/session.js';
export type { Settings } from './program/settings-key.js';
export { SettingsKey } from './program/settings-key.js';
export { StateKey } from './program/state-key.js';
export type { Template } from './program/template.js';
export type { UpstreamAttempt } from './program/upstream-attempt.js';
export type { Variable } from './program/variable.js';
export type { Getter, VariableSpec } from './program/variable-spec.js';
export type { Verdict } from './program/verdict.js';
export { CLOSE, DONE, NEXT, OK } from './program/verdict.js';
export type { BalancerPeer, ChoosePeer } from './upstream/balancer-peer.js';
export { useBalancingMethod } from './upstream/custom-balancer.js';

/** Declares a module; the types of `conf` follow from the declared directives. Its default export is what `load_module` needs. */
export function defineModule<const D extends Directives>(module: ModuleDefinition<D>): ModuleDefinition<D> {
  return module;
}
