/** The proxy of a command line as a site of the development view: its configuration, and a console beside it. */
import type { Module } from '../../program/module.js';
import type { BoundAddress } from '../../server/binder.js';
import { CONSOLE_HOST, CONSOLE_PORT, consoleServer, consoleUrl } from '../dev/console-server.js';
import { PortMap } from '../dev/port-map.js';
import type { Notice, PreparedSite, Site, SiteUrl } from '../dev/site.js';
import { workingDirectory } from '../paths.js';
import { type ForwardPlan, targetText } from './plan.js';
import { urlsOf } from './urls.js';

/** Name of the text in findings. */
const NAME = '<command line>';
/** The line of the request names the upstream that did not answer, or the one that did. */
const CONNECT_FAILURE = /^\*\d+ connect\(\) failed \(\d+: Connection refused\) while connecting to upstream/;

export class ForwardSite implements Site {
  readonly command = 'tsproxy';
  private ports: PortMap | null = null;
  private consolePort = 0;

  constructor(
    private readonly plan: ForwardPlan,
    /** Bytes. */
    private readonly text: string,
    readonly modules: readonly Module[],
  ) {}

  get title(): string {
    return this.plan.words.join(' ');
  }

  async prepare(): Promise<PreparedSite> {
    const own = Number(this.plan.listen.addresses[0]?.split(':').pop());
    this.ports ??= new PortMap([CONSOLE_HOST], new Map([[own, own]]));
    this.consolePort = await this.ports.assign('console', own === CONSOLE_PORT ? CONSOLE_PORT + 1 : CONSOLE_PORT);
    const server = consoleServer(this.consolePort);
    return {
      source: {
        name: NAME,
        text: this.text,
        prefix: workingDirectory(),
        rewrite: (statements, context) => (context === 'http' ? [...statements, ...server] : statements),
      },
      urls: [],
      notices: this.notices(),
      consoleUrl: consoleUrl(this.consolePort),
      watched: new Map(),
    };
  }

  /** The port of the console was taken meanwhile, or that of the command line is in use, which remains so. */
  portsTaken(): boolean {
    this.ports = null;
    return true;
  }

  urlsOf(bound: readonly BoundAddress[]): readonly SiteUrl[] {
    const site = bound.find(({ address }) => address !== `${CONSOLE_HOST}:${this.consolePort}`);
    return urlsOf(this.plan, site?.address ?? '');
  }

  hidesError(message: string): boolean {
    return CONNECT_FAILURE.test(message);
  }

  private notices(): Notice[] {
    const { routes, usesLocalCa } = this.plan;
    const list = routes.map(({ host, prefix, target }) => ({
      subject: `${host ?? ''}${prefix}`,
      text: targetText(target),
    }));
    if (!usesLocalCa) return list;
    return [...list, { subject: 'certificate', text: 'of the local CA; "tsproxy ca trust" makes browsers accept it' }];
  }
}
