/** A `Server` without a process around it, whose listeners can have other protocols and steps. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { check } from '../../src/config/check.js';
import { LEVELS } from '../../src/config/log-level.js';
import { DestinationLog } from '../../src/logging/destination-log.js';
import { modules } from '../../src/modules/index.js';
import { compileRoutingTable, RoutingTable } from '../../src/program/compiler.js';
import type { Listening } from '../../src/program/module.js';
import type { Protocols } from '../../src/server/protocols.js';
import { Server } from '../../src/server/server.js';
import { complete } from '../kit/index.js';

export class TestServer {
  /** Lines of the error log. */
  readonly log: string[] = [];
  readonly errorLog = new DestinationLog([
    { to: ({ level, message }) => this.log.push(`[${level}] ${message}`), threshold: LEVELS.indexOf('debug') },
  ]);
  readonly server: Server;
  private table: RoutingTable | null = null;
  private generation = 0;

  constructor(t: TestContext, protocols?: Protocols) {
    this.server = new Server({ errorLog: this.errorLog, ...(protocols !== undefined && { protocols }) });
    t.after(() => this.server.stop());
  }

  /** Puts a configuration in force, with changed listeners. */
  async apply(text: string, change: (listening: Listening) => Partial<Listening> = () => ({})): Promise<this> {
    const { config } = check({ name: 'test', text: complete(text, {}) }, modules, { prefix: '/nonexistent/' });
    assert.ok(config);
    const table = await compileRoutingTable(config, modules, {
      errorLog: this.errorLog,
      previous: this.table,
      prefix: '/nonexistent/',
      generation: ++this.generation,
    });
    const listeners = table.listeners.map((listening) => ({ ...listening, ...change(listening) }));
    const { slots, shared, programs } = table;
    this.table = new RoutingTable(listeners, slots, shared, config, this.generation, programs);
    (await this.server.prepare(this.table)).commit();
    return this;
  }

  get port(): number {
    return Number(this.server.addresses()[0]?.address.replace(/^.*:/, ''));
  }
}
