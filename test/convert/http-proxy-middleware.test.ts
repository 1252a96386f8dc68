import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { MIDDLEWARE_CASES } from './cases/http-proxy-middleware.js';
import { Comparison, type SourceProgram } from './comparison.js';

const require = createRequire(import.meta.url);

type Listener = (request: unknown, response: unknown) => void;
interface Application {
  use(...words: unknown[]): void;
  listen(...words: unknown[]): unknown;
}

/** Executes the sources in this process, with Express and the middleware. */
class Middleware implements SourceProgram {
  private server: Server | null = null;

  async load(source: string): Promise<number> {
    await this.close();
    const express = require('express') as () => Application & Listener;
    let application = express();
    const create = (): Application & Listener => {
      application = express();
      application.listen = () => application;
      return application;
    };
    const packages = Object.assign(
      (name: string): unknown => (name === 'express' ? Object.assign(create, express) : require(name)),
      require,
    );
    if (/^\s*[[{]/.test(source)) this.table(JSON.parse(source), application);
    else new Function('require', source)(packages);
    const server = createServer(application);
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  /** As the development server of webpack reads a table. */
  private table(table: unknown, application: Application): void {
    const { legacyCreateProxyMiddleware } = require('http-proxy-middleware') as {
      legacyCreateProxyMiddleware: (context: unknown, options: unknown) => unknown;
    };
    const entries = Array.isArray(table)
      ? table.map((options: { context: unknown }) => [options.context, options] as const)
      : Object.entries(table as object);
    for (const [context, options] of entries) {
      application.use(
        legacyCreateProxyMiddleware(context, typeof options === 'string' ? { target: options } : options),
      );
    }
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe('configurations of http-proxy-middleware', () => {
  const program = new Middleware();
  let comparison: Comparison;

  before(async () => {
    comparison = await Comparison.start('http-proxy-middleware', {
      request: {},
      response: {
        'x-powered-by': 'Express names itself',
        server: 'tsproxy names itself',
      },
      status: { 504: 502 },
    });
  });

  after(async () => {
    await program.close();
    await comparison.close();
  });

  for (const one of MIDDLEWARE_CASES) {
    test(`through the converted file, ${one.name}`, () => comparison.compare(one, program, 'server.js'));
  }
});
