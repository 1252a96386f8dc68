/**
 * The module of `tsproxy dev`, which `rewrite.ts` adds to a configuration: requests get the hosts and origins that the
 * configuration expects, responses those of this machine, other hosts are refused, hosts of pass directives are replaced by
 * given servers, and a failed request to an upstream is explained.
 */
import { parseAddress } from '../../config/address.js';
import { mapped, text } from '../../config/argument-types.js';
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import { refusalOfCrossOrigin } from '../../exchange/cross-site.js';
import { ERROR_RESPONSE, type ErrorResponse } from '../../exchange/error-response.js';
import { httpExchange } from '../../exchange/exchange.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { defineModule, type Handler, type HeaderFilter } from '../../program/module.js';
import type { ServerProgram } from '../../program/program.js';
import type { Session } from '../../program/session.js';
import { SettingsKey } from '../../program/settings-key.js';
import { StateKey } from '../../program/state-key.js';
import { DONE, NEXT } from '../../program/verdict.js';
import { helloOf } from '../../tls/client.js';
import { TARGET_OVERRIDES, TargetOverrides } from '../../upstream/target-overrides.js';
import { DevCertificates } from './dev-certificates.js';
import { foreignHostPage, foreignHostText, isKnownHost } from './foreign-hosts.js';
import { LocalOrigins, type OriginData } from './local-origin.js';
import { PAGE_POLICY } from './page.js';
import { placeText } from './request-lines.js';
import { type FailedUpstream, failureOf, upstreamOptions } from './upstream-failure.js';
import { upstreamPage, upstreamText } from './upstream-page.js';

/** Argument of the directive, as JSON. */
export interface DevData extends OriginData {
  /** Hosts whose requests are answered although no server has the name. */
  readonly hosts: readonly string[];
  /** Names of the certificate of servers whose own are missing. */
  readonly certificateNames: readonly string[];
  /** Servers by name of the host or address that they replace. */
  readonly targets: readonly (readonly [
    name: string,
    target: { readonly address: string; readonly secure: boolean },
  ])[];
}

/** Certificates of `$dev_certificate`. */
const CERTIFICATES = new SettingsKey<DevCertificates | null>('dev_certificates', null);

/** Whether names in the response get the suffix `.localhost`. */
const SUFFIXED = new StateKey<boolean>('dev suffix', 'request');

/** Whether the response is the page about a failed upstream. */
const EXPLAINED = new StateKey<boolean>('dev page');

/** Refuses requests for hosts that are not part of the site. */
function refuseForeignHosts(hosts: readonly string[]): Handler {
  const allowed = new Set(hosts);
  return (given) => {
    const x = httpExchange(given);
    if (isKnownHost(x, allowed)) return NEXT;
    const { host } = x;
    sendPage(x, 421, foreignHostPage(toText(host)), foreignHostText(toText(host)));
    return DONE;
  };
}

/** Sends a page of the command itself: HTML to browsers, text to others. */
function sendPage(x: Exchange, status: number, html: string, text: string): void {
  const { response } = x;
  const isHtml = x.headers.all('accept').some((value) => /\btext\/html\b/i.test(value));
  x.setState(EXPLAINED, true);
  response.set('Cache-Control', 'no-store');
  response.set('X-Content-Type-Options', 'nosniff');
  x.respond(status, Buffer.from(isHtml ? html : text), `text/${isHtml ? 'html' : 'plain'}; charset=utf-8`);
}

/** Fields that would affect later requests to this machine: browsers keep them by host, for all ports. */
const DROPPED_FIELDS = ['strict-transport-security', 'alt-svc'] as const;

function translateRequest(origins: LocalOrigins): Handler {
  return (given) => {
    const x = httpExchange(given);
    const real = origins.realHost(x.host);
    if (real === null) {
      x.setState(SUFFIXED, x.host === '' || isLoopback(x.host));
      return NEXT;
    }
    x.setState(SUFFIXED, true);
    const { headers, client } = x;
    const fields: (readonly [name: string, value: string])[] = [];
    const replace = (lower: string, name: string, value: string | null): void => {
      if (value !== null && headers.find(lower) >= 0) fields.push([name, value]);
    };
    replace('host', 'Host', origins.realAuthority(real, client.secure, client.localPort));
    replace('origin', 'Origin', origins.toReal(headers.get('origin') ?? ''));
    replace('referer', 'Referer', origins.toReal(headers.get('referer') ?? ''));
    x.host = real;
    x.headers = headers.with(
      fields,
      fields.map(([name]) => name.toLowerCase()),
    );
    return NEXT;
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host);
}

function translateResponse(origins: LocalOrigins): HeaderFilter {
  return (x) => {
    const { response, host } = x;
    const suffixed = x.main.state(SUFFIXED) ?? false;
    // The configuration may have added its own policy, which the page does not comply with.
    if (x.state(EXPLAINED) === true) response.set('Content-Security-Policy', PAGE_POLICY);
    for (const name of DROPPED_FIELDS) if (response.get(name) !== undefined) response.remove(name);
    for (const [lower, name] of [
      ['location', 'Location'],
      ['content-location', 'Content-Location'],
      ['access-control-allow-origin', 'Access-Control-Allow-Origin'],
    ] as const) {
      const value = response.get(lower);
      const local = value === undefined ? null : origins.toLocal(value, host, suffixed);
      if (local !== null) response.set(name, local);
    }
    const cookies = response.all('set-cookie');
    if (cookies.length === 0) return;
    const local = cookies.map((cookie) => origins.localCookie(cookie, host, suffixed));
    if (local.every((cookie) => cookie === null)) return;
    response.remove('set-cookie');
    for (const [i, cookie] of cookies.entries()) response.add('Set-Cookie', local[i] ?? cookie);
  };
}

/** A failed upstream and the place of the location that passes requests to it. */
interface Explanation extends FailedUpstream {
  readonly place: string;
}

/** Failure of a subrequest (`auth_request`), because of which the request fails with 500. */
const FAILED_SUBREQUEST = new StateKey<Explanation>('dev failed subrequest', 'request');

/** The failure because of which a request gets the status; null if there is another reason. */
function explanationOf(x: Exchange, status: number): Explanation | null {
  if (status === 500) return x.state(FAILED_SUBREQUEST) ?? null;
  const failure = failureOf(x, status);
  if (failure === null) return null;
  const { block } = httpExchange(x).location;
  const explanation = { ...failure, place: block === null ? '' : placeText(block.at) };
  if (x.nested?.background === false) x.main.setState(FAILED_SUBREQUEST, explanation);
  return explanation;
}

/** Explains why a request could not be passed on, before any `error_page` of the configuration. */
const UPSTREAM_FAILURE: ErrorResponse = {
  precedesErrorPages: true,
  applies: (x, status) => explanationOf(x, status) !== null,
  send(x, status) {
    const { upstream, reason, place } = explanationOf(x, status) ?? { upstream: '', reason: '', place: '' };
    const content = { status, upstream, reason, place, options: upstreamOptions(upstream) };
    // Another site may not read where files are, even if the configuration allows it to read responses (CORS).
    if (isFromOtherSite(x)) sendPage(x, status, `${status}\n`, `${status}: the upstream cannot be reached\n`);
    else sendPage(x, status, upstreamPage(content), upstreamText(content));
  },
};

/** Whether a page of another site makes the request; a link to this page may be followed from anywhere. */
function isFromOtherSite(x: Exchange): boolean {
  return x.headers.get('sec-fetch-mode') !== 'navigate' && refusalOfCrossOrigin(x) !== null;
}

function overridesOf({ targets }: DevData): TargetOverrides {
  return new TargetOverrides(
    targets.flatMap(([name, { address: written, secure }]) => {
      const address = parseAddress(written, { defaultPort: 80 });
      return 'mistake' in address ? [] : [[name, { address, secure }] as const];
    }),
  );
}

/** One object for each configuration. */
const certificates = new WeakMap<DevData, DevCertificates>();

function certificatesOf(data: DevData): DevCertificates {
  let found = certificates.get(data);
  if (found === undefined) certificates.set(data, (found = new DevCertificates(data.certificateNames)));
  return found;
}

/** `$dev_certificate`: evaluated for the session of a handshake, whose server was selected before there is a request. */
function certificateFile(x: Session): string | undefined {
  const { server } = x as Session & { readonly server?: ServerProgram | null };
  const found = server?.base.settings.get(CERTIFICATES) ?? null;
  try {
    return found?.fileFor(helloOf(x)?.serverName ?? '');
  } catch (error) {
    logError(x, 'error', `no certificate of the local CA: ${toBytes(String(error))}`);
    return undefined;
  }
}

export const devModule = defineModule({
  name: 'dev',
  doc: 'Adapts a configuration to the machine of a developer. Used by `tsproxy dev` only.',
  directives: {
    dev: {
      contexts: ['http'],
      takes: mapped(text, (json) => JSON.parse(json) as DevData),
      doc: 'Names, ports and servers of this machine, as JSON.',
      example: `dev '{"names":[],"ports":[],"targets":[],"hosts":[],"certificateNames":[]}';`,
    },
  },
  variables: {
    dev_certificate: {
      get: certificateFile,
      doc: 'File with a certificate of the local CA and its key, for the name that the client has requested.',
    },
  },
  settings(conf, { program }) {
    if (conf.dev === undefined) return;
    program.settings.set(TARGET_OVERRIDES, overridesOf(conf.dev));
    program.settings.set(CERTIFICATES, certificatesOf(conf.dev));
    if (program.settings.get(ERROR_RESPONSE) === null) program.settings.set(ERROR_RESPONSE, UPSTREAM_FAILURE);
  },
  phases: {
    postRead: {
      order: 0,
      compile: ({ dev }) => {
        if (dev === undefined) return null;
        const refuse = refuseForeignHosts(dev.hosts);
        const translate = translateRequest(new LocalOrigins(dev));
        return (x) => {
          const verdict = refuse(x);
          return verdict === NEXT ? translate(x) : verdict;
        };
      },
    },
  },
  headerFilter: {
    // After all filters that add fields.
    order: 95,
    compile: ({ dev }) => (dev === undefined ? null : translateResponse(new LocalOrigins(dev))),
  },
});
