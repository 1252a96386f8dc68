/** Functions of scripts for WebSockets: their opening, their messages, and their end. An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, orOff } from '../config/argument-types.js';
import type { ArgumentContext, Context, Directives } from '../config/directive.js';
import { type HttpExchange, httpExchange } from '../exchange/exchange.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type Handler } from '../program/module.js';
import { NEXT } from '../program/verdict.js';
import { checkFunctions } from '../scripting/check-functions.js';
import {
  type FunctionName,
  functionName,
  IMPORTS_MAIN,
  NOT_IN_NJS,
  parseFunctionName,
} from '../scripting/function-name.js';
import { ScriptedMessages, sessionOf, WEBSOCKET_SCRIPTS } from '../scripting/messages/scripted-messages.js';
import { closingOf } from '../scripting/messages/websocket-closing.js';
import { CHOSEN_PROTOCOL, ScriptUpgrade } from '../scripting/messages/websocket-upgrade.js';
import { decidingHandler } from '../scripting/phase-handlers.js';
import { requestOf } from '../scripting/request-object.js';
import { scriptsOf } from '../scripting/scripts.js';
import { MESSAGE_HANDLERS, type MessageHandlerFactory, WEBSOCKET_ENDED } from '../tunnel/message-handlers.js';
import { WEBSOCKET_STATS } from '../tunnel/websocket-stats.js';
import { namesWebSocket } from '../websocket/handshake.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const SENDERS = ['client', 'upstream', 'both'] as const;

interface MessageFunction {
  readonly function: FunctionName;
  readonly from: (typeof SENDERS)[number];
}

const messageFunction = custom(
  'module.function [from=client | upstream | both]',
  1,
  2,
  (words: readonly Word[], c: ArgumentContext): MessageFunction => {
    const [name, option] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
    const from = option === undefined ? 'both' : SENDERS.find((each) => option.text === `from=${each}`);
    if (from === undefined) {
      return c.fail(option ?? name, 'invalid-value', `invalid parameter "${option?.text}"`, {
        help: 'senders: from=client, from=upstream, from=both',
      });
    }
    return { function: parseFunctionName(name, c), from };
  },
);

const directives = {
  js_websocket_upgrade: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function decides about requests for a WebSocket before they are sent to the upstream. It receives \`r\` and the upgrade: \`r.return(403)\` refuses the request, variables of \`js_var\` or \`r.internalRedirect()\` choose the upstream, \`upgrade.protocol\` the subprotocol, and \`upgrade.socket.state\` keeps values for the functions of its messages. It may be \`async\`. It runs after the access phase. If it fails the response is 500, unless \`js_timeout\` has \`fail=open\`. \`off\` cancels an inherited function. ${NOT_IN_NJS}`,
    example: 'js_websocket_upgrade main.authenticate;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_websocket_message: {
    contexts: CONTEXTS,
    takes: orOff(messageFunction),
    doc: `The function is called with \`r\` and each message of a WebSocket, whole and decompressed: it passes the message on unchanged, or calls \`message.replace()\`, \`drop()\`, \`reply()\`, \`insert()\` or \`close()\`. It may be \`async\`: messages of a sender are handled one at a time and in order, and those that wait are bounded. \`from\`: senders (both). Messages may have up to \`websocket_message_buffer_size\` bytes; larger ones close the WebSocket with 1009. If the function fails, the WebSocket is closed with 1011, unless \`js_timeout\` has \`fail=open\`. The policies of \`websocket_message\` run before. After a reload that changes only modules, open WebSockets continue with the new functions. ${NOT_IN_NJS}`,
    example: 'js_websocket_message main.filter from=client;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_websocket_close: {
    contexts: CONTEXTS,
    takes: orOff(functionName),
    doc: `The function is called with \`r\` when a WebSocket has ended, and with the side, code and reason of its first Close frame, the time for which it was open, and the counts of both senders. ${NOT_IN_NJS}`,
    example: 'js_websocket_close main.closed;',
    exampleNeeds: IMPORTS_MAIN,
  },
} as const satisfies Directives;

/** Handlers of the messages of both senders, or of one. Inserted messages need both directions. */
function messagesOf(from: MessageFunction['from']): MessageHandlerFactory {
  return (x, sender) => {
    const handles = from === 'both' || from === sender;
    return new ScriptedMessages(x, sender, handles);
  };
}

function ended(x: HttpExchange): void {
  const stats = x.state(WEBSOCKET_STATS);
  const scripts = x.location.settings.get(WEBSOCKET_SCRIPTS);
  if (stats === undefined || scripts === null || scripts.close === null) return;
  const socket = sessionOf(x);
  socket.end();
  void scripts.close.run(x, [requestOf(x, scripts.scripts), closingOf(stats, socket)], false);
}

/** Sends the subprotocol that a function has chosen, if the upstream's response has none. */
function confirmProtocol(x: Exchange): void {
  const chosen = x.state(CHOSEN_PROTOCOL);
  const { response } = x;
  if (chosen === undefined || response.status !== 101) return;
  if (chosen === null) response.remove('sec-websocket-protocol');
  else if (response.get('sec-websocket-protocol') === undefined) response.add('Sec-WebSocket-Protocol', chosen);
}

/** A handler that is only called for requests for a WebSocket. */
function forWebSockets(handler: Handler): Handler {
  return (x) => (x.nested === null && namesWebSocket(x.headers) ? handler(x) : NEXT);
}

export default defineModule({
  name: 'js_websocket',
  doc: 'Runs functions of scripts for WebSockets: before the upgrade, for each message of both sides, and at the end.',
  directives,
  check(block, c) {
    checkFunctions(block, c, { js_websocket_upgrade: 0, js_websocket_message: 0, js_websocket_close: 0 }, true);
  },
  settings(conf, { program, block, compiler }) {
    const { js_websocket_message: message = false, js_websocket_close: close = false } = conf;
    if (message === false && close === false) return;
    const scripts = scriptsOf(compiler);
    program.settings.set(WEBSOCKET_SCRIPTS, {
      scripts,
      message: message === false ? null : scripts.function(block, message.function, 'js_websocket_message'),
      close: close === false ? null : scripts.function(block, close, 'js_websocket_close'),
    });
    if (message !== false) {
      program.settings.set(MESSAGE_HANDLERS, [...program.settings.get(MESSAGE_HANDLERS), messagesOf(message.from)]);
    }
    if (close !== false) {
      program.settings.set(WEBSOCKET_ENDED, [...program.settings.get(WEBSOCKET_ENDED), ended]);
    }
  },
  phases: {
    precontent: {
      // After the access phase, and before compression is negotiated (90).
      order: 80,
      compile: ({ js_websocket_upgrade: name = false }, { block, compiler }) => {
        if (name === false) return null;
        const scripts = scriptsOf(compiler);
        const fn = scripts.function(block, name, 'js_websocket_upgrade');
        return forWebSockets(
          decidingHandler(fn, NEXT, (x) => [requestOf(x, scripts), new ScriptUpgrade(httpExchange(x), sessionOf(x))]),
        );
      },
    },
  },
  headerFilter: {
    order: 2,
    compile: ({ js_websocket_upgrade: name = false }) => (name === false ? null : confirmProtocol),
  },
});
