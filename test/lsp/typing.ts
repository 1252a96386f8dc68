/** Typing in a long file: the time from a keystroke to the completions and to the diagnostics of that version. */
import { setTimeout as pause } from 'node:timers/promises';
import { CompletionRequest } from 'vscode-languageserver-protocol';
import { Editor } from './editor.js';

/** A configuration of about 2,000 lines: 60 sites with three locations each. */
export function longConfiguration(): string {
  const sites = Array.from({ length: 60 }, (_, i) => i);
  const upstreams = sites.map(
    (i) =>
      `    upstream app${i} {\n        server 127.0.0.1:${8000 + i};\n        server 127.0.0.1:${9000 + i} backup;\n    }\n`,
  );
  const location = (i: number, path: string) => `        location /${path}/ {
            proxy_pass http://app${i};
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 60s;
        }
`;
  const servers = sites.map((i) => {
    const locations = ['api', 'ws', 'files'].map((path) => location(i, path)).join('');
    return `    server {\n        listen 127.0.0.1:8080;\n        server_name s${i}.example www.s${i}.example;\n        access_log off;\n\n${locations}    }\n`;
  });
  const map = '    map $http_upgrade $connection_upgrade {\n        default upgrade;\n        ""      close;\n    }\n';
  return `events {}\nhttp {\n${map}${upstreams.join('')}${servers.join('')}}\n`;
}

/** Text that is typed in the middle of the file. */
const TYPED = `        location /typed/ {
            proxy_pass http://app7/x;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            add_header Cache-Control "no-store" always;
            if ($request_method = POST) {
                return 405;
            }
            proxy_connect_timeout 5s;
        }
`;

/** Pause between opening the file and the first keystroke, in ms. */
const READING = 1500;

export interface Times {
  /** In ms, one for each keystroke. */
  readonly completion: readonly number[];
  readonly diagnostics: readonly number[];
  /** CPU time of the server, in ms for each keystroke. */
  readonly cpu: number;
}

/** Types a number of characters and waits for the completions and diagnostics of each. */
export async function typeIn(t: Parameters<typeof Editor.start>[0], characters: number): Promise<Times> {
  const editor = await Editor.start(t, {});
  const name = 'nginx.conf';
  const text = longConfiguration();
  await editor.open(name, text);
  await editor.diagnostics(name);
  // The server uses the pause to warm up.
  await pause(READING);
  const document = editor.document(name);
  let offset = text.indexOf('        location /ws/', text.length / 2);
  const before = editor.serverCpu();
  const times = { completion: [] as number[], diagnostics: [] as number[] };
  for (let i = 0; i < characters; i++) {
    const position = document.positionAt(offset++);
    const start = performance.now();
    await editor.edit(name, { start: position, end: position }, TYPED.charAt(i % TYPED.length));
    const completions = editor.connection
      .sendRequest(CompletionRequest.type, {
        textDocument: { uri: document.uri },
        position: document.positionAt(offset),
      })
      .then(() => times.completion.push(performance.now() - start));
    const diagnostics = editor.diagnostics(name).then(() => times.diagnostics.push(performance.now() - start));
    await Promise.all([completions, diagnostics]);
  }
  return { ...times, cpu: (editor.serverCpu() - before) / characters };
}

/** A quantile of times, rounded to 0.1 ms. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
}
