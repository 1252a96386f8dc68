/** `console`: a page and a feed that show the traffic and the state of the proxy. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, flag, listOf, pattern, text, word } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import { refusalOfCrossSite } from '../../exchange/cross-site.js';
import { recordLocation, requestRecorder, startRecording } from '../../metrics/recording.js';
import type { Exchange } from '../../program/exchange.js';
import { defineModule, type Handler } from '../../program/module.js';
import { DONE, type Verdict } from '../../program/verdict.js';
import { CREDENTIALS } from '../../tap/credentials.js';
import { type JsonPath, parseJsonPath } from '../../tap/json-path.js';
import { loadPage, sendAsset } from './assets.js';
import { type ConsoleSettings, type ConsoleTable, consoleTable } from './context.js';
import { answerClosing } from './control.js';
import { answerDetails } from './details.js';
import { loadFeed, sendFeed } from './feed.js';
import { answerReplays } from './replay.js';
import { sendResource } from './resources.js';
import { prepareStates } from './state.js';

const CONTEXTS = ['http', 'server', 'location'] as const;

interface ConsoleData {
  readonly control: boolean;
}

function parseConsole(words: readonly Word[], c: ArgumentContext): ConsoleData {
  const [parameter] = words;
  if (parameter === undefined || parameter.text === 'control=off') return { control: false };
  if (parameter.text !== 'control=on') {
    c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
      help: 'write "control=on" or "control=off"',
    });
  }
  return { control: true };
}

const jsonPath = word('path', (w, c): JsonPath => {
  const path = parseJsonPath(w.text);
  if (path !== null) return path;
  return c.fail(w, 'invalid-value', `invalid JSON path "${w.text}"`, {
    help: 'a path begins with $: $.user.password, $..token, $.cards[*].number',
  });
});

const directives = {
  console: {
    contexts: ['location'],
    takes: custom('[control=on|off]', 0, 1, parseConsole),
    inherit: 'noname',
    doc: 'Provides the console in the location: a page that shows requests, WebSockets with their frames, event streams and the state of the proxy as they change, and the feed on which the page is based. With `control=on` it also closes tunnels and reloads the configuration. Restrict access to it (`allow`, `auth_basic`): it shows the traffic of all clients. Requests that a browser makes on behalf of other sites are refused, by `Origin`, `Sec-Fetch-Site` and, at loopback addresses, `Host`.',
    example: 'console;',
  },
  console_payload: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Shows the payloads of messages and events. Otherwise the console shows their lengths only.',
    example: 'console_payload on;',
  },
  console_replay: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Allows a console with `control=on` to send requests that it has shown once more, with all their effects: to the server that has handled them, or to another upstream or server of the configuration. Requests with bodies cannot be repeated, because bodies are not kept.',
    example: 'console_replay on;',
  },
  console_redact_field: {
    contexts: CONTEXTS,
    takes: listOf(text),
    repeat: true,
    doc: 'Replaces the values of header fields, and of arguments of request targets, by `[redacted]` wherever the console shows them. `Authorization`, `Proxy-Authorization`, `Cookie`, `Set-Cookie`, `X-Api-Key`, `access_token`, `api_key`, `password` and `token` are always redacted.',
    example: 'console_redact_field X-Session session_id;',
  },
  console_redact_json: {
    contexts: CONTEXTS,
    takes: listOf(jsonPath),
    repeat: true,
    doc: 'Replaces members of messages and events that are JSON. Payloads that are not JSON, or not complete, are withheld.',
    example: "console_redact_json $..password $.cards[*]['number'];",
  },
  console_redact_pattern: {
    contexts: CONTEXTS,
    takes: listOf(pattern()),
    repeat: true,
    doc: 'Replaces matches of regular expressions in payloads, field values, targets, hosts, log lines and reasons. Payloads that are not complete are withheld.',
    example: String.raw`console_redact_pattern "\b\d{13,16}\b";`,
  },
} as const satisfies Directives;

class Console {
  constructor(
    private readonly table: ConsoleTable,
    private readonly settings: ConsoleSettings,
  ) {}

  readonly handle: Handler = (x) => {
    const refusal = refusalOfCrossSite(x);
    if (refusal !== null) {
      x.respond(refusal.status, `${refusal.message}\n`, 'text/plain');
      return DONE;
    }
    const { prefix } = this.settings;
    if (!x.uri.startsWith(prefix)) return `${x.uri}/` === prefix ? toPrefix(x, prefix) : 404;
    return this.resource(x, x.uri.slice(prefix.length));
  };

  private resource(x: Exchange, name: string): Verdict {
    switch (name) {
      case 'feed':
        return sendFeed(x, this.table, this.settings);
      default:
        return sendAsset(x, name) ?? sendResource(x, name, this.table, this.settings);
    }
  }
}

/** Relative references of the page need the slash. */
function toPrefix(x: Exchange, prefix: string): Verdict {
  x.response.set('Location', prefix);
  return 301;
}

function settingsOf(conf: ConfOf<typeof directives>, prefix: string, control: boolean): ConsoleSettings {
  return {
    prefix,
    control,
    replay: control && conf.console_replay,
    payload: conf.console_payload,
    redaction: {
      fields: [...CREDENTIALS, ...conf.console_redact_field.flat().map((name) => name.toLowerCase())],
      jsonPaths: conf.console_redact_json.flat(),
      patterns: conf.console_redact_pattern.flat(),
    },
  };
}

export default defineModule({
  name: 'console',
  doc: 'Shows the traffic and the state of the proxy.',
  directives,
  http(_conf, block, compiler) {
    startRecording(block, compiler);
  },
  settings(_conf, at) {
    recordLocation(at);
  },
  phases: {
    log: {
      order: 100,
      compile: (_conf, scope) => requestRecorder(scope),
    },
    content: {
      order: 0,
      compile(conf, { compiler, program, server }) {
        if (conf.console === undefined) return null;
        if (server !== null) server.opensWebSockets = true;
        compiler.whenServing(loadFeed);
        compiler.whenServing(loadPage);
        const { name } = program;
        const prefix = name.endsWith('/') ? name : `${name}/`;
        const table = consoleTable(compiler);
        prepareStates(table, compiler);
        answerClosing(table);
        answerReplays(table);
        answerDetails(table);
        return new Console(table, settingsOf(conf, prefix, conf.console.control)).handle;
      },
    },
  },
});
