/** Stores in which zones are kept for several machines. An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, flag } from '../config/argument-types.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { ArgumentContext, Directives } from '../config/directive.js';
import type { CheckContext } from '../config/module-declaration.js';
import { parseInteger, parseMilliseconds } from '../config/units.js';
import { defineModule } from '../program/module.js';
import { startStore } from '../program/zone-stores.js';
import { STORE_PACKAGES } from '../zones/store/connection.js';
import type { StoreData } from '../zones/store/settings.js';

const PORT = 6379;
const MAX_DATABASE = 65_535;
const EXTENSION = 'This is an extension of tsproxy; nginx has no such directive.';

type Address = Pick<StoreData, 'host' | 'port' | 'path' | 'tls' | 'database' | 'user'>;

const ADDRESS_HELP = 'redis://host:port/database, rediss://host for TLS, or unix:/path';

function parseAddress(word: Word, c: ArgumentContext): Address {
  const { text } = word;
  const fail = (help: string): never =>
    c.fail(word, 'invalid-value', `invalid address of a store "${withoutPassword(text)}"`, { help });
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/')) return fail(ADDRESS_HELP);
    return { host: null, port: 0, path, tls: false, database: 0, user: null };
  }
  const [, scheme, login, host, port, database] =
    /^(rediss?):\/\/(?:([^@/]*)@)?(\[[\da-f:.]+\]|[^@/:[\]]+)(?::(\d+))?(?:\/(\d*))?$/i.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return fail(ADDRESS_HELP);
  if (login?.includes(':')) return fail('a password in a configuration is no secret: use the parameter password_file=');
  const number = port === undefined ? PORT : Number(port);
  if (number < 1 || number > 65535) return fail('a port is a number from 1 to 65535');
  const index = Number(database ?? 0);
  if (index > MAX_DATABASE) return fail(`the number of a database is at most ${MAX_DATABASE}`);
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: number,
    path: null,
    tls: scheme.toLowerCase() === 'rediss',
    database: index,
    user: login === undefined || login === '' ? null : login,
  };
}

/** An address without the password that it must not have, for messages. */
function withoutPassword(address: string): string {
  return address.replace(/:[^:/@]*@/, ':...@');
}

type Draft = { -readonly [K in keyof StoreData]: StoreData[K] };

function parseTime(name: string, value: string, least: number, word: Word, c: ArgumentContext): number {
  const ms = parseMilliseconds(value) ?? 0;
  if (ms < least) {
    c.fail(word, 'invalid-value', `invalid ${name} "${value}"`, { help: `a time of at least ${least} ms` });
  }
  return ms;
}

const PARAMETERS = {
  user(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    if (draft.user !== null) c.fail(word, 'invalid-value', 'the user is set twice');
    draft.user = value;
  },
  password_file(draft: Draft, value: string, _word: Word, c: ArgumentContext) {
    draft.passwordFile = c.path(value, 'conf');
  },
  database(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    const database = parseInteger(value) ?? -1;
    if (database < 0 || database > MAX_DATABASE) c.fail(word, 'invalid-value', `invalid database "${value}"`);
    draft.database = database;
  },
  trusted_certificate(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    if (!draft.tls) {
      c.fail(word, 'invalid-value', '"trusted_certificate" without TLS', {
        help: 'an address with rediss:// uses TLS',
      });
    }
    draft.trustedCertificate = c.path(value, 'conf');
  },
  prefix(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    if (!/^[\w:.{}-]{1,64}$/.test(value)) {
      c.fail(word, 'invalid-value', `invalid prefix "${value}"`, {
        help: 'up to 64 letters, digits and the characters _ : . - { }',
      });
    }
    draft.prefix = value;
  },
  timeout(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    draft.timeout = parseTime('timeout', value, 5, word, c);
  },
  lease(draft: Draft, value: string, word: Word, c: ArgumentContext) {
    draft.lease = parseTime('lease', value, 1000, word, c);
  },
};

function parseStore(words: readonly Word[], c: ArgumentContext): StoreData {
  const [name, address, ...parameters] = words as readonly [Word, Word, ...Word[]]; // two words at least: `min`
  if (!/^[\w.-]{1,64}$/.test(name.text)) {
    c.fail(name, 'invalid-value', `invalid name of a store "${name.text}"`, {
      help: 'up to 64 letters, digits and the characters _ . -',
    });
  }
  const draft: Draft = {
    name: name.text,
    ...parseAddress(address, c),
    address: address.text,
    passwordFile: null,
    trustedCertificate: null,
    prefix: 'tsproxy:',
    timeout: 100,
    lease: 15_000,
    at: c.place(c.statement),
  };
  const seen = new Set<string>();
  for (const word of parameters) {
    const [, key = '', value = ''] = /^([^=]*)=(.*)$/s.exec(word.text) ?? [];
    if (key === 'password') {
      c.fail(word, 'invalid-value', 'invalid parameter "password"', {
        help: 'a password in a configuration is no secret: use password_file=',
      });
    }
    if (!Object.hasOwn(PARAMETERS, key) || value === '') {
      c.fail(word, 'invalid-value', `invalid parameter "${word.text}"`);
    }
    if (seen.has(key)) c.fail(word, 'invalid-value', `duplicate parameter "${key}"`);
    seen.add(key);
    PARAMETERS[key as keyof typeof PARAMETERS](draft, value, word, c);
  }
  if (draft.user !== null && draft.passwordFile === null) {
    c.fail(address, 'invalid-value', `the user "${draft.user}" needs a password`, { help: 'add password_file=path' });
  }
  return draft;
}

const directives = {
  zone_store: {
    contexts: ['http'],
    takes: custom(
      'name address [password_file=path] [user=name] [database=number] [prefix=text] [timeout=time] [lease=time] [trusted_certificate=path]',
      2,
      9,
      parseStore,
    ),
    repeat: true,
    packages: STORE_PACKAGES,
    links: ({ name, at: _, ...settings }: StoreData) => ({ name: `zone_store ${name}`, meaning: settings }),
    files: (value: unknown) => {
      const { passwordFile, trustedCertificate } = value as StoreData;
      return [passwordFile, trustedCertificate].filter((path) => path !== null);
    },
    doc: `Declares a store in which zones are kept for several machines: a server of Valkey or Redis, 6.2 or later. Zones name it in their parameter \`store\`. The address is \`redis://host:port/database\` (port 6379 and database 0 by default), \`rediss://…\` for TLS, or \`unix:/path\`. The certificate of the server is verified with the authorities of Node.js, or those in \`trusted_certificate\`. \`password_file\` is a file with the password; \`user\` is the user of an ACL (also \`redis://user@host\`). All keys begin with \`prefix\` (\`tsproxy:\`). A worker waits for a response for at most \`timeout\` (100ms); then the store counts as unavailable, \`store_failure\` of the zones applies, and the worker tries to connect again, at least twice a second. Connections of \`limit_conn\` are renewed in the store, and are released \`lease\` (15s) after the machine that holds them has died. See [cluster.md](../cluster.md). ${EXTENSION}`,
    example: 'zone_store main redis://cache.example.com:6379 timeout=50ms;',
  },
  store_required: {
    contexts: ['http'],
    takes: flag,
    default: 'off',
    doc: `Whether a start or reload fails if a store (\`zone_store\`) does not respond. With \`off\`, this is a warning, and \`store_failure\` of the zones applies until it responds. A worker that takes the place of one that died starts in any case. A store that refuses the user, the password, the database or a command is always an error. ${EXTENSION}`,
    example: 'store_required on;',
  },
} as const satisfies Directives;

function checkStores(block: CheckedBlock, c: CheckContext): void {
  const stores = (block.values.zone_store ?? []) as readonly StoreData[];
  const known = new Map<string, Word>();
  for (const { args } of c.statements('zone_store')) {
    const [name] = args;
    if (name === undefined || !stores.some((store) => store.name === name.text)) continue;
    const other = known.get(name.text);
    if (other !== undefined) {
      c.report(name, 'duplicate-definition', `duplicate zone_store "${name.text}"`, {
        related: [{ at: other, message: 'first declared here' }],
      });
    }
    known.set(name.text, name);
  }
  if (stores.length === 0 && c.statements('zone_store').length === 0) {
    for (const statement of c.statements('store_required')) {
      c.report(statement, 'no-effect', '"store_required" has no effect without "zone_store"', { severity: 'warning' });
    }
  }
}

export default defineModule({
  name: 'zone_store',
  doc: 'Keeps zones in a store that several machines share.',
  directives,
  check(block, c) {
    if (block.context === 'http') checkStores(block, c);
  },
  http(conf, _block, compiler) {
    if (compiler.observer.simulates) return;
    for (const store of conf.zone_store) {
      compiler.whenServing(() => startStore(store, conf.store_required, compiler));
    }
  },
});
