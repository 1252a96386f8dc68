/** Policies about the messages of WebSockets, and permessage-deflate. An extension of tsproxy. */
import { choice, flag, integer, offset, orOff, path } from '../../config/argument-types.js';
import type { ConfOf, Context, Directives } from '../../config/directive.js';
import { Expression } from '../../config/pcre/expression.js';
import { logError } from '../../program/error-context.js';
import { type Compiler, defineModule, type Scope } from '../../program/module.js';
import { logFailure } from '../../program/pattern-search.js';
import { SettingsKey } from '../../program/settings-key.js';
import { MESSAGE_HANDLERS, type MessageHandlerFactory } from '../../tunnel/message-handlers.js';
import { type Direction, type StageFactory, TUNNEL_STAGES } from '../../tunnel/stages.js';
import { findUpstream } from '../../upstream/configured.js';
import { CheckedStage } from '../../websocket/checked-stage.js';
import { type DeflateSettings, loadDeflate } from '../../websocket/deflate.js';
import { NEGOTIATED } from '../../websocket/extension-offer.js';
import type { MessageHandler } from '../../websocket/message-handler.js';
import { MessagePipe } from '../../websocket/message-pipe.js';
import { Utf8Check } from '../../websocket/utf8-check.js';
import { messageLog, mirror, patterns, redaction, sendersFlag } from './arguments.js';
import { JsonSchema, SCHEMA_PACKAGES } from './json-schema.js';
import { loadMirror, Mirror, type MirrorTarget } from './mirror.js';
import { EXTENSIONS, negotiateWithClient, negotiateWithUpstream } from './negotiation.js';
import {
  type From,
  JsonPolicy,
  MessageLog,
  type MessageLogSettings,
  PatternPolicy,
  type Redaction,
  RedactPolicy,
  type Rejection,
  type Sender,
  STATUS,
  Utf8Policy,
} from './policies.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const EXTENSION = 'This is an extension of tsproxy; nginx has no such directive.';

const directives = {
  websocket_utf8: {
    contexts: CONTEXTS,
    takes: sendersFlag,
    default: 'off',
    doc: `Whether text messages must be valid UTF-8 (RFC 6455, section 8.1). Invalid text closes the WebSocket with 1007. If no other policy of this module reads messages, and they are not compressed, text is validated while it passes, and messages may be of any size. ${EXTENSION}`,
    example: 'websocket_utf8 on;',
  },
  websocket_json: {
    contexts: CONTEXTS,
    takes: sendersFlag,
    default: 'off',
    doc: `Whether text messages must be JSON. Other text closes the WebSocket with 1007, unless \`websocket_message_reject\` says otherwise. ${EXTENSION}`,
    example: 'websocket_json on;',
  },
  websocket_json_schema: {
    contexts: CONTEXTS,
    takes: orOff(path('conf')),
    packages: SCHEMA_PACKAGES,
    doc: `A file with a JSON Schema (draft 7 or 2020-12) that text messages of clients must satisfy; implies \`websocket_json on\`. A violation closes the WebSocket with 1008, with its position in the message as the reason. The file is read when the configuration is tested and loaded. Formats are annotations, and are not validated. Regular expressions in a schema are executed without a time limit: avoid expressions whose matching time grows exponentially. \`off\` cancels an inherited schema. ${EXTENSION}`,
    example: 'websocket_json_schema schemas/chat.json;',
    exampleNeeds: '',
  },
  websocket_message_allow: {
    contexts: CONTEXTS,
    takes: patterns,
    repeat: true,
    doc: `Regular expressions for the text of messages; a text message that matches none of them is rejected. Messages are bytes in UTF-8. Binary messages are not examined. A search that exceeds its limits does not match. ${EXTENSION}`,
    example: String.raw`websocket_message_allow "^\{\"type\":\"(?:join|say)\"";`,
  },
  websocket_message_deny: {
    contexts: CONTEXTS,
    takes: patterns,
    repeat: true,
    doc: `Regular expressions for the text of messages; a text message that matches one of them is rejected. It takes precedence over \`websocket_message_allow\`. A search that exceeds its limits matches. ${EXTENSION}`,
    example: 'websocket_message_deny "(?i)<script" from=both;',
  },
  websocket_message_redact: {
    contexts: CONTEXTS,
    takes: redaction,
    repeat: true,
    doc: String.raw`Replaces all matches of a regular expression in text messages, by default with \`[redacted]\` and in both directions. The replacement is a fixed text. If a search exceeds its limits, the WebSocket is closed with 1008. ${EXTENSION}`,
    example: String.raw`websocket_message_redact "\b\d{13,16}\b" "[card]" from=upstream;`,
  },
  websocket_message_reject: {
    contexts: CONTEXTS,
    takes: choice('close', 'drop'),
    default: 'close',
    doc: `Treatment of messages that \`websocket_json\`, \`websocket_json_schema\`, \`websocket_message_allow\` or \`websocket_message_deny\` reject: the WebSocket is closed, or the message is dropped. ${EXTENSION}`,
    example: 'websocket_message_reject drop;',
  },
  websocket_message_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: `Dry run: messages that would be rejected are logged and pass, and nothing is redacted. ${EXTENSION}`,
    example: 'websocket_message_dry_run on;',
  },
  websocket_message_log_level: {
    contexts: CONTEXTS,
    takes: choice('info', 'notice', 'warn', 'error'),
    default: 'error',
    doc: `The level at which rejected messages are logged: each reason once for each direction of a WebSocket. ${EXTENSION}`,
    example: 'websocket_message_log_level warn;',
  },
  websocket_message_buffer_size: {
    contexts: CONTEXTS,
    takes: offset,
    default: '256k',
    doc: `Maximum size of a message that policies of this module read, as received and after decompression. A larger one closes the WebSocket with 1009 (message too big). ${EXTENSION}`,
    example: 'websocket_message_buffer_size 1m;',
  },
  websocket_log_messages: {
    contexts: CONTEXTS,
    takes: messageLog,
    default: 'off',
    doc: `Logs messages to the error log with the given level: sender, type, length and beginning (binary messages in hexadecimal). \`size\`: bytes of a message that are logged (256); 0 for none. \`rate\`: maximum number of messages per second that are logged for each direction of a WebSocket (10); the next line has the number of omitted messages. \`from\`: senders (both). Messages are logged as they are passed on, after \`websocket_message_redact\`. ${EXTENSION}`,
    example: 'websocket_log_messages info size=1k rate=5/s from=client;',
  },
  websocket_log_messages_redact: {
    contexts: CONTEXTS,
    takes: redaction,
    repeat: true,
    doc: `Replaces matches of a regular expression in the lines of \`websocket_log_messages\`; the messages themselves pass unchanged. ${EXTENSION}`,
    example: String.raw`websocket_log_messages_redact "(?<=\"token\":\")[^\"]*";`,
  },
  websocket_mirror: {
    contexts: CONTEXTS,
    takes: orOff(mirror),
    doc: `Sends copies of messages (by default those of clients) to another WebSocket server: a URL without variables, whose host may be the name of an upstream. Each direction of a WebSocket has a connection of its own. Messages of the mirror are ignored; its failures are logged, but have no effect; messages are dropped while its queue (256k) is full. Copies are made after the other policies, except \`websocket_log_messages\`. ${EXTENSION}`,
    example: 'websocket_mirror ws://127.0.0.1:9000/copies;',
  },
  websocket_deflate: {
    contexts: CONTEXTS,
    takes: choice('pass', 'on', 'off'),
    default: 'pass',
    doc: `Compression of messages (permessage-deflate, RFC 7692). With \`pass\`, the field \`Sec-WebSocket-Extensions\` and the messages are passed on unchanged. With \`on\`, or if a policy reads messages, the proxy negotiates compression itself: it accepts the offer of a client and makes an offer to the upstream; messages are decompressed and compressed for each side as negotiated. \`off\`: neither side uses an extension. ${EXTENSION}`,
    example: 'websocket_deflate off;',
  },
  websocket_deflate_window_bits: {
    contexts: CONTEXTS,
    takes: integer({ min: 9, max: 15 }),
    default: '15',
    doc: `Largest window that the proxy negotiates, for both directions: 2 to this power bytes. With a client that does not support smaller windows, compression is not used. ${EXTENSION}`,
    example: 'websocket_deflate_window_bits 12;',
  },
  websocket_deflate_context_takeover: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: `Whether the window is kept from one message to the next, which compresses better. ${EXTENSION}`,
    example: 'websocket_deflate_context_takeover off;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;

/** A policy with the senders to whom it applies. */
interface Applied<T> {
  readonly from: From;
  readonly value: T;
}

/** Policies of a location. */
interface Policies {
  readonly maxMessage: number;
  readonly rejection: Rejection;
  readonly utf8: From | null;
  readonly json: From | null;
  readonly schema: JsonSchema | null;
  readonly allow: readonly Applied<Expression>[];
  readonly deny: readonly Applied<Expression>[];
  readonly redact: readonly Applied<Redaction>[];
  /** Handlers of other modules. */
  readonly others: readonly MessageHandlerFactory[];
  readonly mirror: Applied<MirrorTarget> | null;
  readonly log: Applied<MessageLogSettings> | null;
}

const POLICIES = new SettingsKey<Policies | null>('websocket_message', null);

function applies(from: From | null | undefined, sender: Sender): boolean {
  return from === 'both' || from === sender;
}

function valuesFor<T>(list: readonly Applied<T>[], sender: Sender): readonly T[] {
  return list.filter(({ from }) => applies(from, sender)).map(({ value }) => value);
}

type Session = Parameters<StageFactory>[0];

/** Handlers of the messages of one sender, without that of UTF-8. */
function handlersOf(x: Session, policies: Policies, sender: Sender): MessageHandler[] {
  const { rejection, schema, mirror, log } = policies;
  const handlers: MessageHandler[] = [];
  const checkedSchema = sender === 'client' ? schema : null;
  if (applies(policies.json, sender) || checkedSchema !== null) {
    handlers.push(new JsonPolicy(x, sender, rejection, checkedSchema === null ? null : () => checkedSchema.validate));
  }
  const [allow, deny] = [valuesFor(policies.allow, sender), valuesFor(policies.deny, sender)];
  if (allow.length + deny.length > 0) handlers.push(new PatternPolicy(x, sender, rejection, allow, deny));
  const redact = valuesFor(policies.redact, sender);
  if (redact.length > 0) handlers.push(new RedactPolicy(x, sender, rejection, redact, rejection.dryRun));
  for (const create of policies.others) {
    const handler = create(x, sender);
    if (handler !== null) handlers.push(handler);
  }
  if (mirror !== null && applies(mirror.from, sender)) handlers.push(new Mirror(x, mirror.value));
  if (log !== null && applies(log.from, sender)) handlers.push(new MessageLog(x, sender, log.value));
  return handlers;
}

const openStage: StageFactory = (x: Session, direction: Direction, host) => {
  const policies = x.location.settings.get(POLICIES);
  if (policies === null) return null;
  const sender = direction === 'up' ? 'client' : 'upstream';
  const { client = null, upstream = null } = x.state(NEGOTIATED) ?? {};
  const handlers = handlersOf(x, policies, sender);
  const utf8 = applies(policies.utf8, sender) ? new Utf8Policy(x, sender, policies.rejection) : null;
  const readsMessages = handlers.length > 0 || client !== null || upstream !== null;
  if (!readsMessages && utf8 === null) return null;
  if (x.state(STATUS) === undefined) x.setState(STATUS, 'PASSED');
  if (!readsMessages && utf8 !== null) {
    return new CheckedStage(host, (services) => {
      const invalid = (): boolean => {
        const decision = utf8.invalid();
        if (decision?.action === 'close') services.close(decision.code, decision.reason);
        return decision !== null;
      };
      return [new Utf8Check(invalid)];
    });
  }
  const [inflate, deflate] = direction === 'up' ? [client, upstream] : [upstream, client];
  return new MessagePipe(host, {
    fromClient: direction === 'up',
    maxMessage: policies.maxMessage,
    inflate,
    deflate,
    handlers: utf8 === null ? handlers : [utf8, ...handlers],
    onInvalid: (code, reason) => {
      x.setState(STATUS, 'REJECTED');
      logError(x, policies.rejection.level, `closing WebSocket with ${code}: ${sender}'s messages: ${reason}`);
    },
    onFailure: (error) => logFailure(x, error),
  });
};

function compilePolicies(conf: Conf, compiler: Compiler, others: readonly MessageHandlerFactory[]): Policies {
  const expressions = (list: Conf['websocket_message_allow']): Applied<Expression>[] =>
    list.flatMap(({ from, patterns }) => patterns.map((data) => ({ from, value: new Expression(data) })));
  const redactions = (list: Conf['websocket_message_redact']): Applied<Redaction>[] =>
    list.map(({ from, pattern, replacement }) => ({
      from,
      value: { expression: new Expression(pattern), replacement },
    }));
  const { websocket_utf8: utf8, websocket_json: json, websocket_mirror: target, websocket_log_messages: log } = conf;
  const schema = conf.websocket_json_schema;
  return {
    maxMessage: conf.websocket_message_buffer_size,
    rejection: {
      drop: conf.websocket_message_reject === 'drop',
      dryRun: conf.websocket_message_dry_run,
      level: conf.websocket_message_log_level,
    },
    utf8: utf8.on ? utf8.from : null,
    json: json.on ? json.from : null,
    schema: typeof schema === 'string' ? schemaOf(schema, compiler) : null,
    allow: expressions(conf.websocket_message_allow),
    deny: expressions(conf.websocket_message_deny),
    redact: redactions(conf.websocket_message_redact),
    others,
    mirror:
      target === undefined || target === false
        ? null
        : { from: target.from, value: { url: target.url, upstream: findUpstream(compiler.shared, target.host) } },
    log:
      log === null
        ? null
        : {
            from: log.from,
            value: { ...log, redactions: redactions(conf.websocket_log_messages_redact).map(({ value }) => value) },
          },
  };
}

function readsMessages({ json, schema, allow, deny, redact, others, mirror, log }: Policies): boolean {
  return (
    json !== null ||
    schema !== null ||
    allow.length + deny.length + redact.length + others.length > 0 ||
    mirror !== null ||
    log !== null
  );
}

/** The schema in a file, which is loaded once for all locations of a table. */
function schemaOf(file: string, compiler: Compiler): JsonSchema {
  const key = `JSON schema ${file}`;
  const loaded = compiler.shared.get<JsonSchema>(key);
  if (loaded !== undefined) return loaded;
  const schema = compiler.shared.set(key, new JsonSchema(file));
  compiler.await(loadSchema(schema, compiler));
  return schema;
}

async function loadSchema(schema: JsonSchema, compiler: Compiler): Promise<void> {
  try {
    await schema.load();
  } catch (error) {
    compiler.fail(`JSON schema "${schema.path}" cannot be used: ${(error as Error).message}`, null);
  }
}

function settings(conf: Conf, { program, compiler }: Scope): void {
  const policies = compilePolicies(conf, compiler, program.settings.get(MESSAGE_HANDLERS));
  const { websocket_deflate: mode } = conf;
  const reads = readsMessages(policies) || mode === 'on';
  if (!reads && policies.utf8 === null && mode !== 'off') return;
  const deflate: DeflateSettings = {
    windowBits: conf.websocket_deflate_window_bits,
    contextTakeover: conf.websocket_deflate_context_takeover,
    maxMessage: policies.maxMessage,
  };
  // Compressed text cannot be validated.
  program.settings.set(EXTENSIONS, { deflate: mode === 'off' ? null : deflate });
  program.settings.set(POLICIES, policies);
  program.settings.set(TUNNEL_STAGES, [...program.settings.get(TUNNEL_STAGES), openStage]);
  compiler.whenServing(loadDeflate);
  if (policies.mirror !== null) compiler.whenServing(loadMirror);
}

export default defineModule({
  name: 'websocket_message',
  doc: 'Policies about the messages of WebSockets: validation of text, regular expressions, redaction, copies, logs; and their compression. Messages are read as a whole and handled in order, one at a time. An open WebSocket keeps the policies with which it was opened: if a reload changes them, it continues with the old configuration (see `tunnel_drain`).',
  directives,
  variables: {
    websocket_message_status: {
      get: (x) => x.state(STATUS),
      doc: 'Result of the policies about messages, in logs: `PASSED`, `REJECTED` or `REJECTED_DRY_RUN`.',
    },
  },
  settings,
  phases: {
    precontent: {
      // Runs last, when no other handler can choose another location.
      order: 90,
      compile: (_conf, { program }) => (program.settings.get(EXTENSIONS) === null ? null : negotiateWithClient),
    },
  },
  headerFilter: {
    order: 1,
    compile: (_conf, { program }) => (program.settings.get(EXTENSIONS) === null ? null : negotiateWithUpstream),
  },
});
