/** nginx Plus' `ngx_http_api_module`: shows and changes the running proxy. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom } from '../../config/argument-types.js';
import type { ArgumentContext, Directives } from '../../config/directive.js';
import type { ErrorLog } from '../../logging/error-log.js';
import type { Exchange } from '../../program/exchange.js';
import { type Compiler, defineModule, type Handler } from '../../program/module.js';
import { DONE, type Verdict } from '../../program/verdict.js';
import { compiledTunnels } from '../../tunnel/tunnels.js';
import { WorkerGroup } from '../../zones/worker-group.js';
import { answerQuestion, Clients } from './clients.js';
import { execute, type Found, find } from './dispatch.js';
import { refuseCrossSite, refuseFormTypes } from './guard.js';
import { ApiError, sendError, sendResult } from './result.js';
import type { ApiContext } from './route.js';
import { TableView } from './table-view.js';

/** Longest body, bytes. */
const MAX_BODY = 1 << 20;

interface ApiData {
  readonly write: boolean;
}

function parseApi(words: readonly Word[], c: ArgumentContext): ApiData {
  const [word] = words;
  if (word === undefined || word.text === 'write=off') return { write: false };
  if (word.text !== 'write=on') {
    c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`, { help: 'write "write=on" or "write=off"' });
  }
  return { write: true };
}

const directives = {
  api: {
    contexts: ['location'],
    takes: custom('[write=on|off]', 0, 1, parseApi),
    inherit: 'noname',
    doc: 'Provides an API, shaped like that of nginx Plus, in the location: upstreams with a `zone` and their servers, key-value zones (`keyval_zone`), caches with the responses stored in them, which can be removed, the memory of zones, counts of connections and requests, and, as extensions, open connections and tunnels, which can be closed. With `write=on` it also changes the proxy; changes are kept in a restart only if they have a file (`state` of the upstream or of `keyval_zone`). `/9/openapi.json` below the location describes it, and `tsproxy ctl` is a client for the command line. Restrict access to it (`allow`, `deny`, a unix domain socket): whoever can use it controls the proxy. Requests that a browser makes on behalf of other sites are refused, by `Origin`, `Sec-Fetch-Site` and, at loopback addresses, `Host`.',
    example: 'api write=on;',
    differs:
      'All versions from 1 to 9 have the same resources. Counters of upstreams are those of the running worker processes, and response times are means over all responses. Missing are `ssl` and `zombies` of upstreams, counts of hits and misses in `caches`, and the resources of `stream`, `ssl`, `limit_conns`, `limit_reqs`, `server_zones` and `location_zones`.',
    differsFor: () => true,
    differsSlightly: true,
  },
} as const satisfies Directives;

const KEY = 'api';

/** The resources of a table, with the group of workers; once per table. */
function contextOf(compiler: Compiler): ApiContext {
  const known = compiler.shared.get<OpenApi>(KEY);
  if (known !== undefined) return known.context;
  // The tunnels of earlier tables, too.
  compiledTunnels(compiler);
  return compiler.shared.set(KEY, new OpenApi(compiler)).context;
}

/** Owned by the table, which closes it. */
class OpenApi {
  readonly context: ApiContext;
  private readonly group: WorkerGroup;

  constructor(compiler: Compiler) {
    const table = new TableView(compiler);
    this.group = new WorkerGroup(compiler.zones, 'api', (question) => answerQuestion(table, question));
    this.context = { table, clients: new Clients(this.group) };
  }

  close(): void {
    this.group.close();
  }
}

class Api {
  constructor(
    private readonly context: ApiContext,
    private readonly write: boolean,
    /** Name of the location, with a slash at its end. */
    private readonly prefix: string,
    private readonly errorLog: ErrorLog,
  ) {}

  readonly handle: Handler = (x) => {
    try {
      refuseCrossSite(x);
      const { uri } = x;
      const rest = uri.startsWith(this.prefix) ? uri.slice(this.prefix.length) : '';
      const found = find(x, rest, this.prefix, this.write);
      if ('status' in found) sendResult(x, found);
      else this.start(x, found);
    } catch (error) {
      this.fail(x, error);
    }
    return DONE;
  };

  private start(x: Exchange, found: Found): Verdict {
    if (found.method === 'get') {
      void this.run(x, found, null);
      return DONE;
    }
    refuseFormTypes(x);
    if (x.contentLength > MAX_BODY) throw tooLarge();
    if (x.contentLength === 0) void this.run(x, found, null);
    else x.readBody(() => void this.run(x, found, x.body));
    return DONE;
  }

  private async run(x: Exchange, found: Found, body: Exchange['body']): Promise<void> {
    try {
      const result = await execute(this.context, x, found, body && bytesOf(body));
      if (!x.finished) sendResult(x, result);
    } catch (error) {
      if (!x.finished) this.fail(x, error);
    }
  }

  private fail(x: Exchange, error: unknown): void {
    if (error instanceof ApiError) {
      sendError(x, error);
      return;
    }
    this.errorLog.write('alert', `api: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    x.finalize(500);
  }
}

function tooLarge(): ApiError {
  return new ApiError(413, 'EntityTooLarge', `the body is larger than ${MAX_BODY} bytes`);
}

function bytesOf(body: NonNullable<Exchange['body']>): Buffer {
  if (body.length > MAX_BODY) throw tooLarge();
  if (body.memory !== null) return body.memory;
  const bytes = Buffer.alloc(body.length);
  return bytes.subarray(0, body.read(bytes, 0));
}

export default defineModule({
  name: 'api',
  doc: 'Provides an API that shows and changes the running proxy.',
  directives,
  phases: {
    content: {
      order: 0,
      compile(conf, { compiler, program }) {
        const { api } = conf;
        if (api === undefined) return null;
        const { name } = program;
        const prefix = name.endsWith('/') ? name : `${name}/`;
        return new Api(contextOf(compiler), api.write, prefix, compiler.errorLog).handle;
      },
    },
  },
});
