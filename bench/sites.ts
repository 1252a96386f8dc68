/**
 * Complete sites of public projects, in nginx and tsproxy in turn, with the same texts, ports, certificates and back end:
 *
 *   node dist/bench/sites.js [--only WORD] [--nginx /usr/sbin/nginx] [--keep] [--list] DIRECTORY
 *
 * DIRECTORY has copies of the projects, as OWNER/NAME: linuxserver/docker-swag, linuxserver/docker-baseimage-alpine-nginx,
 * linuxserver/reverse-proxy-confs, h5bp/server-configs-nginx, jitsi/docker-jitsi-meet, mattermost/docker,
 * LemmyNet/lemmy-ansible, nextcloud/docker, nginx-proxy/nginx-proxy, and of discourse/discourse the file
 * config/nginx.sample.conf. Their texts are not part of this project. Every request is compared: status, fields with their
 * order, body, and the bytes that the back end received. `--only`: sites whose name contains the word. `--keep`: the directories
 * in which the sites are assembled.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Authority, createAuthority } from '../test/kit/index.js';
import type { Reaction } from '../test/oracle/oracle.js';
import { DnsServer } from '../test/upstream/dns-server.js';
import { type ProxyName, ProxyProcess } from './proxy-process.js';
import { freePort } from './scenarios.js';
import { applications } from './sites/applications.js';
import { compare } from './sites/comparison.js';
import { nginxProxy } from './sites/nginx-proxy.js';
import { MissingSource, Place } from './sites/place.js';
import { RecordingBackEnd } from './sites/recording-back-end.js';
import { react } from './sites/side.js';
import type { Deployment, Site, SiteRequest } from './sites/site.js';
import { swag } from './sites/swag.js';

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    nginx: { type: 'string' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [sources] = positionals;
if (sources === undefined) {
  process.stderr.write('usage: node dist/bench/sites.js [--only WORD] [--nginx FILE] [--keep] [--list] DIRECTORY\n');
  process.exit(2);
}
const DEPLOYMENTS: readonly Deployment[] = [swag, ...applications, nginxProxy];

const totals = { sites: 0, requests: 0, declared: 0, differences: 0 };

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

function chosen(deployment: Deployment): readonly Site[] {
  return deployment.sites.filter(({ name }) => name.includes(values.only));
}

/** Starts a program and puts all requests to it. */
async function run(
  name: ProxyName,
  text: string,
  place: Place,
  requests: readonly SiteRequest[],
  backEnd: RecordingBackEnd,
  authority: Authority,
): Promise<Reaction[]> {
  const proxy = await ProxyProcess.start(text, place.root, name, values.nginx);
  const reactions: Reaction[] = [];
  try {
    for (const request of requests) {
      const port = place.addresses.listening.get(request.port ?? (request.scheme === 'http' ? 80 : 443)) ?? 0;
      reactions.push(await react(request, port, authority.read('ca.crt'), backEnd));
    }
  } finally {
    await proxy.stop();
    writeFileSync(join(place.root, `${name}.log`), proxy.log);
    rmSync(join(place.root, 'error.log'));
  }
  for (const failure of proxy.failures) report(`  ${name}: ${failure}`);
  return reactions;
}

function title({ scheme, host, line, fields = [] }: SiteRequest): string {
  return [`${scheme} ${host} ${line}`, ...fields]
    .map((word) => (word.length > 60 ? `${word.slice(0, 60)}…` : word))
    .join(', ');
}

/** Compares the answers for one site. */
function compareSite(site: Site, nginx: readonly Reaction[], tsproxy: readonly Reaction[]): void {
  let [declared, bad] = [0, 0];
  for (const [i, request] of site.requests.entries()) {
    const [a, b] = [nginx[i], tsproxy[i]];
    const found = a === undefined || b === undefined ? ['not asked'] : compare(a, b);
    if (values.list)
      report(
        `  ${title(request)}: ${a?.answers[1]?.slice(0, a.answers[1].indexOf('\r\n'))}, ${a?.forwarded.length} received`,
      );
    const { differs } = request;
    const undeclared = found.filter((each) => differs?.pattern.test(each) !== true);
    if (differs !== undefined && found.length === 0)
      undeclared.push(`declared to differ (${differs.reason}), but equal`);
    if (undeclared.length > 0) {
      bad += 1;
      report(`  ${title(request)}`);
      for (const each of undeclared) report(`    ${each}`);
    } else if (differs !== undefined) declared += 1;
  }
  report(`${site.name}: ${site.requests.length} requests, ${declared} declared and ${bad} other differences`);
  totals.sites += 1;
  totals.requests += site.requests.length;
  totals.declared += declared;
  totals.differences += bad;
}

async function runDeployment(deployment: Deployment): Promise<void> {
  const sites = chosen(deployment);
  if (sites.length === 0) return;
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-sites-'));
  const keys = join(directory, 'authority');
  mkdirSync(keys);
  const authority = createAuthority(keys);
  authority.issue('back-end', { name: 'back end' });
  authority.issue('site', { name: 'site', names: deployment.hosts.map((host) => `DNS:${host}`).join(',') });
  const backEnd = await RecordingBackEnd.start(authority);
  const nameServer = await DnsServer.start();
  try {
    const listening = new Map<number, number>();
    for (const port of deployment.ports) listening.set(port, await freePort());
    const addresses = { listening, backEnd: backEnd.port, nameServer: nameServer.port };
    const place = new Place(`${join(directory, 'root')}/`, addresses, sources ?? '');
    for (const [certificate, key] of deployment.certificates) {
      mkdirSync(dirname(join(place.root, certificate)), { recursive: true });
      place.write(certificate, authority.read('site.crt'));
      place.write(key, authority.read('site.key'));
    }
    deployment.assemble(place);
    for (const name of place.names) nameServer.names.set(name, { a: ['127.0.0.1'] });
    const written = readFileSync(join(place.root, 'nginx.conf'), 'latin1');
    // Workers have to read the directory of the site.
    const text = /^\s*user\s/m.test(written) ? written : `user root; ${written}`;
    const requests = sites.flatMap((site) => site.requests);
    const nginx = await run('nginx', text, place, requests, backEnd, authority);
    const tsproxy = await runTsproxy(deployment, text, place, requests, backEnd, authority);
    let from = 0;
    for (const site of sites) {
      const until = from + site.requests.length;
      compareSite(site, nginx.slice(from, until), tsproxy.slice(from, until));
      from = until;
    }
  } finally {
    await nameServer.close();
    await backEnd.close();
    if (values.keep) report(`  kept: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

/** Unsupported features are allowed only if the configuration does not start otherwise. */
async function runTsproxy(
  { name }: Deployment,
  text: string,
  ...rest: [Place, readonly SiteRequest[], RecordingBackEnd, Authority]
): Promise<Reaction[]> {
  try {
    return await run('tsproxy', text, ...rest);
  } catch (error) {
    const lines = [...String(error).matchAll(/\[emerg\][^"\n]*(?:"([^"]*)".*not supported|.*)/g)];
    const missing = new Set(lines.map(([line, word]) => word ?? line));
    report(`${name}: with allow_unsupported (${[...missing].join(', ')})`);
    return run('tsproxy', `allow_unsupported on; ${text}`, ...rest);
  }
}

for (const deployment of DEPLOYMENTS) {
  try {
    await runDeployment(deployment);
  } catch (error) {
    if (!(error instanceof MissingSource)) throw error;
    report(`${deployment.name}: skipped, ${error.message}`);
  }
}
report(
  `${totals.sites} sites, ${totals.requests} requests, ${totals.declared} declared and ${totals.differences} other differences`,
);
process.exitCode = totals.differences === 0 ? 0 : 1;
