/** Response to requests of blocks that are closed because of a feature that tsproxy lacks (`allow_unsupported`). */
import type { Closure } from '../config/checked-config.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { DONE, type Verdict } from '../program/verdict.js';
import { httpExchange } from './exchange.js';

/** Handler that responds with 501 and a page that names the feature and its place. */
export function answerClosed({ feature, at }: Closure): (x: Exchange) => Verdict {
  const reason = `${feature} is not supported in ${at.file}:${at.line}`;
  const page = pageOf(reason);
  return (x) => {
    logError(x, 'error', reason);
    // The page itself is the error page: `error_page` must not turn it into a successful response.
    httpExchange(x).errorStatus = 501;
    x.response.contentType = null;
    x.respond(501, page, 'text/html');
    return DONE;
  };
}

function pageOf(reason: string): string {
  const text = reason.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<html>\r\n<head><title>501 Not Implemented</title></head>\r\n<body>\r\n<center><h1>501 Not Implemented</h1></center>\r\n<hr><center>${text}</center>\r\n</body>\r\n</html>\r\n`;
}
