/** Directives that limit the requests to an upstream, or exclude its servers, with their effects. */
import type { BlockRecord } from '../config/block-checker.js';
import type { CheckedBlock } from '../config/checked-config.js';
import { httpExchange } from '../exchange/exchange.js';
import { type PassData, upstreamNameOf } from '../modules/proxy/pass.js';
import type { Exchange } from '../program/exchange.js';
import type { RebalanceSettings } from '../tunnel/rebalancer.js';
import type { BreakerSettings } from '../upstream/breaker.js';
import type { HealthCheckData } from '../upstream/health/settings.js';
import type { EjectionSettings } from '../upstream/outlier-ejection.js';
import { LOCATION_BREAKER, RETRY_BACKOFF, UPSTREAM_TIMEOUT } from '../upstream/request-limits.js';
import type { RetryBudgetSettings } from '../upstream/retry-budget.js';
import type { Upstream } from '../upstream/upstream.js';
import type { QueueSettings } from '../upstream/upstream-observer.js';
import type { CircuitRules } from '../zones/circuits.js';
import type { ExplainedRule, Written } from './explanation.js';
import type { WrittenBlocks } from './written-blocks.js';

/** The rules of an upstream for a request: first those of its location. `block`: that of the upstream; undefined for none. */
export function upstreamRules(
  x: Exchange,
  upstream: Upstream,
  block: CheckedBlock | undefined,
  written: WrittenBlocks,
): ExplainedRule[] {
  const rules = [...ofLocation(x, written), ...checksOf(upstream.name, written)];
  if (block !== undefined) rules.push(...ofBlock(block, upstream, written));
  return rules;
}

function ofLocation(x: Exchange, written: WrittenBlocks): ExplainedRule[] {
  const { settings, block } = httpExchange(x).location;
  const chain = block === null ? [] : written.chain(block);
  const rule = (name: string, effect: string | null): ExplainedRule[] =>
    effect === null ? [] : [{ directive: statementIn(chain, name, written), effect }];
  const breaker = settings.get(LOCATION_BREAKER);
  const timeout = settings.get(UPSTREAM_TIMEOUT);
  const backoff = settings.get(RETRY_BACKOFF);
  return [
    ...rule('circuit_breaker', breaker && breakerEffect(breaker.settings, 'the location')),
    ...rule('upstream_timeout', timeout === 0 ? null : `all tries together end after ${duration(timeout)}`),
    ...rule(
      'retry_backoff',
      backoff &&
        `after a connection that failed, the next server is tried ${duration(backoff.first)} later, then twice as long, up to ${duration(backoff.max)}`,
    ),
  ];
}

function ofBlock(block: CheckedBlock, upstream: Upstream, written: WrittenBlocks): ExplainedRule[] {
  const record = written.recordOf(block);
  const rules: ExplainedRule[] = [];
  const add = <T>(name: string, effect: (value: T) => string): void => {
    // The values are those of the modules that declare these directives; null is "off".
    const value = block.values[name] as T | null | undefined;
    if (!block.own.includes(name) || value === null || value === undefined) return;
    rules.push({ directive: statementIn(record === undefined ? [] : [record], name, written), effect: effect(value) });
  };
  add<BreakerSettings>('circuit_breaker', (settings) => breakerEffect(settings, 'the group'));
  add<EjectionSettings>('outlier_ejection', ({ rules: own, max }) => {
    const servers = upstream.current().all.length;
    const most = Math.floor(max * servers);
    return `a server is left out for ${duration(own.open)} after ${failures(own)}; at most ${most} of ${servers} at once`;
  });
  add<RetryBudgetSettings>(
    'retry_budget',
    ({ ratio, min, window }) =>
      `further tries are limited to ${percent(ratio)} of the requests within ${duration(window)}, or ${min}`,
  );
  add<QueueSettings>(
    'queue',
    ({ max, timeout }) => `if no server is available, up to ${max} requests wait up to ${duration(timeout)} for one`,
  );
  add<RebalanceSettings>(
    'tunnel_rebalance',
    ({ share, spread }) =>
      `when a server joins, up to ${percent(share)} of the WebSockets are moved within ${duration(spread)}`,
  );
  return rules;
}

/** Health checks in the locations that pass requests to the upstream. */
function checksOf(upstream: string, written: WrittenBlocks): ExplainedRule[] {
  return [...written.records()].flatMap(({ block, statements }) => {
    const pass = block.values.proxy_pass as PassData | undefined; // the value of the module proxy
    const own = statements.get('health_check') ?? [];
    if (own.length === 0 || pass === undefined || upstreamNameOf(pass) !== upstream.toLowerCase()) return [];
    const checks = block.values.health_check as readonly HealthCheckData[]; // the value of upstream_health_check
    return own.flatMap((statement, i) => {
      const data = checks[i];
      return data === undefined ? [] : [{ directive: written.statement(statement), effect: checkEffect(data) }];
    });
  });
}

function checkEffect({ interval, fails, passes, mandatory, type, uri }: HealthCheckData): string {
  const what = type === 'http' ? `GET ${uri}` : type === 'tcp' ? 'a connection' : `a WebSocket at ${uri}`;
  const first = mandatory ? ', and gets no requests before its first success (assumed here)' : '';
  return `every ${duration(interval)}, ${what}: a server is left out after ${counted(fails, 'failure')}, and used again after ${counted(passes, 'success', 'successes')}${first}`;
}

function breakerEffect({ rules, status }: BreakerSettings, subject: string): string {
  return `after ${failures(rules)}, requests of ${subject} get ${status} for ${duration(rules.open)}; then ${counted(rules.probes, 'probe')} must succeed`;
}

function failures({ failures: count, ratio, min, window }: CircuitRules): string {
  const conditions = [
    ...(count > 0 ? [counted(count, 'failure')] : []),
    ...(ratio > 0 ? [`failures of ${percent(ratio)} of at least ${min} requests`] : []),
  ];
  return `${conditions.join(' or ')} within ${duration(window)}`;
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

function percent(share: number): string {
  return `${Math.round(share * 10_000) / 100}%`;
}

/** A time as in a configuration. */
export function duration(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** The last statement of that name in the innermost block that has one. */
export function statementIn(chain: readonly BlockRecord[], name: string, written: WrittenBlocks): Written {
  for (const { statements } of chain) {
    const statement = statements.get(name)?.at(-1);
    if (statement !== undefined) return written.statement(statement);
  }
  return { text: name, at: null };
}
