/** Actions of `tsproxy ctl`: requests to the API, and their results as text. */
import { UsageError } from '../usage-error.js';
import { type ApiClient, CtlError } from './api-client.js';

/** Result of an action. */
export interface ActionResult {
  /** Body of the response. */
  readonly data: unknown;
  /** The result as text for the terminal. */
  readonly text: string;
}

type Row = Readonly<Record<string, unknown>>;
type Action = (client: ApiClient, words: readonly string[]) => Promise<ActionResult>;

const FLAGS = new Set(['backup', 'down', 'drain']);
const NUMBERS = new Set(['weight', 'max_conns', 'max_fails']);

const done: ActionResult = { data: undefined, text: '' };

export const ACTIONS: Readonly<Record<string, Action>> = {
  upstreams: async (client) => {
    const data = (await client.send('GET', 'http/upstreams')) as Readonly<Record<string, { readonly peers: Row[] }>>;
    const rows = Object.entries(data).flatMap(([upstream, { peers }]) => peers.map((peer) => ({ upstream, ...peer })));
    return { data, text: table(rows, ['upstream', 'id', 'server', 'state', 'weight', 'active', 'requests', 'fails']) };
  },

  servers: async (client, [upstream]) => {
    const data = await serversOf(client, required(upstream, 'an upstream'));
    return { data, text: table(data, ['id', 'server', 'weight', 'max_conns', 'max_fails', 'fail_timeout', 'flags']) };
  },

  add: async (client, [upstream, server, ...parameters]) => {
    const path = `http/upstreams/${encoded(upstream, 'an upstream')}/servers`;
    const body = { server: required(server, 'a server'), ...parsed(parameters) };
    const data = (await client.send('POST', path, body)) as Row;
    return { data, text: `added with id ${data.id}\n` };
  },

  set: (client, [upstream, server, ...parameters]) => change(client, upstream, server, parsed(parameters)),
  drain: (client, [upstream, server]) => change(client, upstream, server, { drain: true }),
  down: (client, [upstream, server]) => change(client, upstream, server, { down: true }),
  up: (client, [upstream, server]) => change(client, upstream, server, { down: false, drain: false }),

  remove: async (client, [upstream, server]) => {
    const data = await client.send('DELETE', await pathOfServer(client, upstream, server));
    return { data, text: '' };
  },

  rebalance: async (client, [upstream]) => {
    const path = `http/upstreams/${encoded(upstream, 'an upstream')}/rebalance`;
    const data = (await client.send('POST', path, {})) as { readonly moved: number };
    return { data, text: `moved ${data.moved}\n` };
  },

  keys: async (client, [zone]) => {
    const data = (await client.send('GET', pathOfZone(zone))) as Row;
    return {
      data,
      text: table(
        Object.entries(data).map(([key, value]) => ({ key, value })),
        ['key', 'value'],
      ),
    };
  },

  put: async (client, [zone, key, value, expire]) => {
    const name = required(key, 'a key');
    const ms = expire === undefined ? undefined : /^expire=(\d{1,13})$/.exec(expire)?.[1];
    if (expire !== undefined && ms === undefined) throw new UsageError(`invalid parameter "${expire}": expire=MS`);
    const entry = { value: required(value, 'a value'), ...(ms !== undefined && { expire: Number(ms) }) };
    const known = (await client.send('GET', pathOfZone(zone))) as Row;
    await client.send(Object.hasOwn(known, name) ? 'PATCH' : 'POST', pathOfZone(zone), { [name]: entry });
    return done;
  },

  unset: async (client, [zone, key]) => {
    await client.send('PATCH', pathOfZone(zone), { [required(key, 'a key')]: null });
    return done;
  },

  clear: async (client, [zone]) => {
    await client.send('DELETE', pathOfZone(zone));
    return done;
  },

  connections: async (client, filters) => {
    const data = (await client.send('GET', `http/connections${query(filters)}`)) as { readonly items: Row[] };
    const rows = data.items.map(({ request, ...rest }) => ({ ...rest, ...(request as Row | undefined) }));
    return { data, text: table(rows, ['id', 'client', 'state', 'requests', 'method', 'host', 'target', 'location']) };
  },

  tunnels: async (client, filters) => {
    const data = (await client.send('GET', `http/tunnels${query(filters)}`)) as { readonly items: Row[] };
    return { data, text: table(data.items, ['id', 'client', 'key', 'location', 'uri', 'server', 'since']) };
  },

  close: async (client, [subject, ...filters]) => {
    const what = required(subject, '"connections", "tunnels" or an id');
    const isKind = what === 'connections' || what === 'tunnels';
    const path = isKind ? `http/${what}` : `http/tunnels/${encodeURIComponent(what)}`;
    const data = (await client.send('DELETE', `${path}${query(filters)}`)) as { readonly closed: number };
    return { data, text: `closed ${data.closed}\n` };
  },

  get: async (client, [path]) => {
    const data = await client.send('GET', required(path, 'a path'));
    return { data, text: `${JSON.stringify(data, null, 2)}\n` };
  },
};

function required(word: string | undefined, what: string): string {
  if (word !== undefined && word !== '') return word;
  throw new UsageError(`${what} is required`);
}

function encoded(word: string | undefined, what: string): string {
  return encodeURIComponent(required(word, what));
}

function pathOfZone(zone: string | undefined): string {
  return `http/keyvals/${encoded(zone, 'a zone')}`;
}

/** A query of words `name=value`. */
function query(words: readonly string[]): string {
  const parameters = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 1) throw new UsageError(`invalid parameter "${word}": name=value`);
    return `${encodeURIComponent(word.slice(0, equals))}=${encodeURIComponent(word.slice(equals + 1))}`;
  });
  return parameters.length === 0 ? '' : `?${parameters.join('&')}`;
}

/** Parameters of a server: `weight=2`, `backup`, `backup=false`. */
function parsed(words: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? null : word.slice(equals + 1);
    if (FLAGS.has(name)) fields[name] = value === null || value === 'true';
    else if (value === null) throw new UsageError(`invalid parameter "${word}": name=value`);
    else fields[name] = NUMBERS.has(name) && /^\d{1,15}$/.test(value) ? Number(value) : value;
  }
  return fields;
}

async function serversOf(client: ApiClient, upstream: string): Promise<Row[]> {
  const servers = (await client.send('GET', `http/upstreams/${encodeURIComponent(upstream)}/servers`)) as Row[];
  return servers.map((server) => ({ ...server, flags: [...FLAGS].filter((flag) => server[flag] === true).join(' ') }));
}

/** Path of a server that is named by its id or its address. */
async function pathOfServer(
  client: ApiClient,
  upstream: string | undefined,
  server: string | undefined,
): Promise<string> {
  const name = required(upstream, 'an upstream');
  const wanted = required(server, 'a server');
  const servers = await serversOf(client, name);
  const found = servers.filter(({ id, server: address }) => address === wanted || String(id) === wanted);
  if (found.length === 1) return `http/upstreams/${encodeURIComponent(name)}/servers/${found[0]?.id}`;
  const problem = found.length === 0 ? 'no server' : `${found.length} servers, which have ids,`;
  throw new CtlError(`${problem} "${wanted}" in upstream "${name}"`);
}

async function change(
  client: ApiClient,
  upstream: string | undefined,
  server: string | undefined,
  fields: Record<string, unknown>,
): Promise<ActionResult> {
  if (Object.keys(fields).length === 0) throw new UsageError('a parameter is required');
  return { data: await client.send('PATCH', await pathOfServer(client, upstream, server), fields), text: '' };
}

/** Columns with their names, separated by spaces; only the names if there are no rows. */
function table(rows: readonly Row[], columns: readonly string[]): string {
  const cells = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((row) => columns.map((column) => cell(row[column]))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] ?? '').length)));
  return cells
    .map(
      (line) =>
        `${line
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Text of a cell; control characters could change the terminal's state. */
function cell(value: unknown): string {
  return String(value ?? '').replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
}
