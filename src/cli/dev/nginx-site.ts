/** A configuration file as a site of the development view. */
import { lookup } from 'node:dns/promises';
import { type Address, canonicalIp, isWildcard } from '../../config/address.js';
import type { CheckResult } from '../../config/check.js';
import { toText } from '../../diagnostics/byte-string.js';
import { checkSource, confDirectoryOf } from '../../process/configuration.js';
import { RefusedConfig } from '../../process/refused-config.js';
import type { Module } from '../../program/module.js';
import { isLocalAddress } from '../local-ca/permitted-names.js';
import { examine, type Tested } from '../tested-source.js';
import { CONSOLE_PORT, consoleUrl } from './console-server.js';
import { devModule } from './dev-module.js';
import { AROUND_PARTS } from './given-file.js';
import { DevReader, exists, LocalFiles, type PathMapping } from './local-files.js';
import { assignPorts, type BindHosts, Plan } from './plan.js';
import { canBind, PortMap } from './port-map.js';
import { placeText } from './request-lines.js';
import { rewriting } from './rewrite.js';
import { RunFiles } from './run-files.js';
import type { PreparedSite, Site } from './site.js';
import { siteUrls } from './site-urls.js';
import { type Survey, survey } from './survey.js';
import type { Targets } from './targets.js';

export interface NginxSiteOptions {
  /** Name in the banner. */
  readonly title: string;
  /** Reads the configuration, or the parts of one; called for each reload. Rejects with nginx's message. */
  readonly tested: () => Promise<Tested>;
  readonly modules: readonly Module[];
  readonly targets: Targets;
  /** Ports given by the user, by the port as written. */
  readonly ports: ReadonlyMap<number, number>;
  readonly paths: readonly PathMapping[];
  /** See `PlanOptions.allowedHosts`. */
  readonly allowedHosts: readonly string[];
  /** Address to listen on instead of the loopback addresses. */
  readonly host: string | null;
  /** See `PlanOptions.passwords`. */
  readonly passwords: string;
}

/** ms for the lookup of a host. */
const LOOKUP_TIMEOUT = 2000;

export class NginxSite implements Site {
  readonly modules: readonly Module[];
  private readonly runFiles = new RunFiles();
  private portMap: PortMap | null = null;

  constructor(private readonly options: NginxSiteOptions) {
    this.modules = [...options.modules, devModule];
  }

  get title(): string {
    return this.options.title;
  }

  async prepare(): Promise<PreparedSite> {
    const { targets, paths, passwords, allowedHosts, ports: given } = this.options;
    const tested = await this.read();
    const directory = confDirectoryOf(tested.source);
    const files = new LocalFiles(directory, paths);
    const missing = new Set<string>();
    const reader = new DevReader(files, (path) => missing.add(path), tested.source.reader);
    reader.files.add(tested.name);
    // As written. A reload reads the files with the same reader, too.
    const { source, result, assumed } = await examine(
      tested,
      (whole) => checkSource({ ...whole, reader }, this.modules),
      ({ findings }) => findings,
      AROUND_PARTS,
    );
    const found = survey(result);
    const hosts = await this.bindHosts();
    this.portMap ??= new PortMap([hosts.ipv4, ...(hosts.ipv6 === null ? [] : [hosts.ipv6])], given);
    const ports = await assignPorts(found, this.portMap);
    const consolePort = await this.portMap.assign('console', CONSOLE_PORT);
    const { runFiles } = this;
    const { prefix } = source;
    const plan = new Plan({
      survey: found,
      files,
      read: reader.files,
      directory,
      prefix,
      targets,
      hosts,
      ports,
      consolePort,
      allowedHosts,
      runFiles,
      passwords,
    });
    for (const path of missing) plan.notice(`include ${path}`, 'not here: left out');
    for (const text of assumed) plan.warn(text, 'assumed, because the rest of the configuration is not here');
    if (found.servers.length === 0) {
      const patterns = [...reader.unmatched].map((pattern) => toText(pattern)).join(', ');
      plan.warn('server', patterns === '' ? 'there is none' : `there is none; no file matches ${patterns}`);
    }
    noticeUnused(result, plan);
    await noticeHosts(found, plan);
    return {
      source: { ...source, reader, rewrite: rewriting(plan) },
      urls: siteUrls(found, plan),
      notices: plan.notices,
      consoleUrl: consoleUrl(consolePort),
      watched: reader.files.versions,
    };
  }

  private async read(): Promise<Tested> {
    try {
      return await this.options.tested();
    } catch (error) {
      throw new RefusedConfig((error as Error).message, []);
    }
  }

  portsTaken(): boolean {
    this.portMap = null;
    return true;
  }

  close(): void {
    this.runFiles.remove();
  }

  private async bindHosts(): Promise<BindHosts> {
    const { host } = this.options;
    if (host === null) return { ipv4: '127.0.0.1', ipv6: (await canBind('::1')) ? '::1' : null };
    if (host === '0.0.0.0') return { ipv4: host, ipv6: (await canBind('::')) ? '::' : null };
    return { ipv4: host, ipv6: null };
  }
}

/** Adds lines about given servers whose names are nowhere in the configuration. */
function noticeUnused({ sources }: CheckResult, plan: Plan): void {
  const texts = sources.map(({ text }) => text.toLowerCase());
  for (const [name] of plan.options.targets.entries) {
    const host = name.replace(/:\d+$/, '');
    if (!texts.some((text) => text.includes(host)))
      plan.warn(name, 'no upstream or host of the configuration has this name');
  }
}

/** Adds lines about hosts that are unknown on this machine, or that are not on this machine or its network. */
async function noticeHosts({ hosts }: Survey, plan: Plan): Promise<void> {
  const { targets } = plan.options;
  const relevant = hosts.filter(({ name, address }) => targets.group(name) === null && targets.of(address) === null);
  const known = await Promise.all(
    relevant.map(async (host) => ({ ...host, addresses: await addressesOf(host.address) })),
  );
  for (const name of new Set(known.map((host) => host.name))) {
    const servers = known.filter((host) => host.name === name);
    const [first] = servers;
    if (first === undefined) continue;
    const place = placeText(first.place);
    if (servers.every(({ addresses }) => addresses.length === 0)) {
      plan.warn(
        `upstream ${name}`,
        `not known here (${place}): requests get 502; --upstream ${name}=localhost:3000`,
        'not known here: requests get 502; --upstream NAME=localhost:3000 for each',
      );
      continue;
    }
    const outside = servers.flatMap(({ addresses }) => addresses).find((address) => !isNearby(address));
    if (outside !== undefined) {
      plan.warn(
        `upstream ${name}`,
        `${outside} is not on this machine (${place}); --upstream ${name}=localhost:3000`,
        'not on this machine; --upstream NAME=localhost:3000 for each',
      );
    }
  }
}

/** Addresses of a host; empty if it is unknown. A unix socket has its path if it exists. */
async function addressesOf(address: Address): Promise<readonly string[]> {
  if (address.family === 'unix') return exists(address.path) ? ['unix:'] : [];
  if (address.family !== 'name') return [address.host];
  const timeout = new Promise<readonly string[]>((resolve) => setTimeout(resolve, LOOKUP_TIMEOUT, []).unref());
  const found = lookup(address.host, { all: true }).then(
    (all) => all.map((each) => each.address),
    () => [],
  );
  return Promise.race([found, timeout]);
}

/** Whether an address is on this machine or in a private network. */
function isNearby(text: string): boolean {
  const address = canonicalIp(text);
  return address === null || isWildcard(address) || isLocalAddress(address);
}
