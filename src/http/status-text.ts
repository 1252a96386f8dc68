/** Status codes: reason phrases for the status line, and built-in pages, in nginx's wording. */

/** Reason phrases as in nginx; other statuses have none. */
const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Time-out',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
};

/** Titles of built-in pages that differ from the reason phrase. */
const TITLES: Readonly<Record<number, string>> = {
  302: 'Found',
  401: 'Authorization Required',
};

/** Second lines of the pages for nginx's own 49x codes, which are sent with status 400. */
const OWN_CODES: Readonly<Record<number, { readonly title: string; readonly line: string }>> = {
  494: { title: 'Request Header Or Cookie Too Large', line: 'Request Header Or Cookie Too Large' },
  495: { title: 'The SSL certificate error', line: 'The SSL certificate error' },
  496: { title: 'No required SSL certificate was sent', line: 'No required SSL certificate was sent' },
  497: {
    title: 'The plain HTTP request was sent to HTTPS port',
    line: 'The plain HTTP request was sent to HTTPS port',
  },
};

const LINES: string[] = [];

/** Text after the HTTP version on a status line: code with three digits, and reason, or the code and a space. */
export function statusText(status: number): string {
  return (LINES[status] ??= `${String(status).padStart(3, '0')} ${REASONS[status] ?? ''}`);
}

/** Built-in page for a status, with `software` in its footer; null if the response has no body. */
export function builtInPage(status: number, software: string): string | null {
  const own = OWN_CODES[status];
  if (own !== undefined)
    return page(`400 ${own.title}`, '400 Bad Request', `<center>${own.line}</center>\r\n`, software);
  if (status === 498) return builtInPage(404, software);
  if (status < 301 || status === 304 || REASONS[status] === undefined) return null;
  const title = `${status} ${TITLES[status] ?? REASONS[status]}`;
  return page(title, title, '', software);
}

function page(title: string, heading: string, more: string, software: string): string {
  return (
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${heading}</h1></center>\r\n${more}` +
    `<hr><center>${software}</center>\r\n</body>\r\n</html>\r\n`
  );
}
