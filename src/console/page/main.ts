/** The page of the console. */
import type { FeedRow, HelloMessage } from '../feed-format.js';
import type { StateMessage } from '../state.js';
import { Connection, type ConnectionState } from './connection.js';
import { Control } from './control.js';
import { h, setClass, setText } from './dom.js';
import { currentPath, navigate, pathTo } from './router.js';
import { showShortcuts } from './shortcuts.js';
import { themeButton } from './theme.js';
import { Traffic } from './traffic.js';
import type { View } from './view.js';
import { CacheView } from './view-cache.js';
import { ConfigurationView } from './view-configuration.js';
import { HttpView } from './view-http.js';
import { OverviewView } from './view-overview.js';
import { SseView } from './view-sse.js';
import { WebSocketsView } from './view-websockets.js';

/** Maximum share of the time that painting may take. */
const PAINT_SHARE = 0.7;
/** Minimum time between two paints, ms: the proxy may share the CPU with the browser. */
const MIN_INTERVAL = 30;

const STATES: Readonly<Record<ConnectionState, readonly [tone: string, text: string]>> = {
  connecting: ['is-warning', 'connecting'],
  open: ['is-good', 'live'],
  lost: ['is-bad', 'not connected'],
};

class Page {
  private readonly traffic = new Traffic();
  private readonly control = new Control();
  private readonly connection = new Connection({
    rows: (rows) => this.received(rows),
    state: (state) => this.overviewed(state),
    hello: (hello) => this.greeted(hello),
    changed: (state) => this.connected(state),
  });
  private readonly overview = new OverviewView();
  private readonly views: ReadonlyMap<string, { readonly title: string; readonly view: View }> = new Map([
    ['overview', { title: 'Overview', view: this.overview as View }],
    ['http', { title: 'HTTP', view: new HttpView(this.traffic, this.connection, this.control) }],
    ['websockets', { title: 'WebSockets', view: new WebSocketsView(this.traffic, this.connection, this.control) }],
    ['sse', { title: 'SSE', view: new SseView(this.traffic, this.connection, this.control) }],
    ['cache', { title: 'Cache', view: new CacheView(this.control) }],
    ['configuration', { title: 'Config', view: new ConfigurationView(this.control) }],
  ]);
  private readonly links = new Map<string, HTMLAnchorElement>();
  private readonly main = h('main', { id: 'view', tabindex: -1 });
  private readonly live = h(
    'span',
    { class: 'live', role: 'status' },
    h('span', { class: 'state is-warning' }, 'connecting'),
  );
  private readonly about = h('span', { class: 'about' });
  private readonly theme = themeButton();
  private current: View | null = null;
  private scheduled = false;
  private nextPaint = 0;
  private wasOpen = false;

  start(): void {
    const nav = h('nav', { 'aria-label': 'Views' });
    for (const [name, { title }] of this.views) {
      const link = h('a', { href: pathTo(name) }, title);
      this.links.set(name, link);
      nav.append(link);
    }
    const help = h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': 'Keys', title: 'Keys (?)', on: { click: showShortcuts } },
      '?',
    );
    document.body.replaceChildren(
      h(
        'header',
        { class: 'top' },
        h('h1', {}, 'tsproxy'),
        nav,
        h('span', { class: 'spacer' }),
        this.about,
        this.live,
        this.theme,
        help,
      ),
      this.main,
    );
    window.addEventListener('hashchange', () => this.route());
    document.addEventListener('keydown', (event) => this.pressed(event));
    setInterval(() => {
      this.traffic.tick();
      this.schedule();
    }, 1000);
    this.route();
    this.connection.open();
  }

  private route(): void {
    const [name = 'overview', ...rest] = currentPath();
    const entry = this.views.get(name);
    if (entry === undefined) {
      navigate('overview');
      return;
    }
    for (const [each, link] of this.links) {
      if (each === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    document.title = `${entry.title} · tsproxy`;
    const { view } = entry;
    if (view !== this.current) {
      this.current?.hide();
      this.main.replaceChildren(view.element);
      this.current = view;
    }
    view.show(rest);
    this.schedule();
  }

  private received(rows: readonly FeedRow[]): void {
    for (const row of rows) this.traffic.add(row);
    this.schedule();
  }

  private overviewed(state: StateMessage): void {
    this.control.upstreams = state.upstreams.map(({ name }) => name);
    setText(this.about, `${state.version} · generation ${state.generation}`);
    const errors = state.problems.length;
    const link = this.links.get('overview');
    if (link !== undefined) link.setAttribute('data-problems', errors === 0 ? '' : String(errors));
    this.overview.update(state);
  }

  private greeted(hello: HelloMessage): void {
    const before = this.control.allowed;
    this.control.update(hello);
    // The current view was created without these buttons.
    if (this.control.allowed !== before) this.route();
  }

  private connected(state: ConnectionState): void {
    const [tone, text] = STATES[state];
    const [label] = this.live.children;
    if (label !== undefined) {
      setClass(label, `state ${tone}`);
      setText(label, text);
    }
    if (state === 'open') this.wasOpen = true;
    // Ends during the interruption are not reported later.
    else if (this.wasOpen && state === 'lost') this.traffic.markLost();
    this.schedule();
  }

  /** Paints before the next frame; less often if painting takes long, so that input is handled in between. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    const wait = this.nextPaint - performance.now();
    if (wait > 4) setTimeout(() => requestAnimationFrame(() => this.paint()), wait);
    else requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.scheduled = false;
    const start = performance.now();
    this.current?.paint();
    const end = performance.now();
    this.nextPaint = Math.max(start + MIN_INTERVAL, end + (end - start) * (1 / PAINT_SHARE - 1));
  }

  private pressed(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector('dialog[open]') !== null) return;
    const { target } = event;
    if (target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) {
      if (event.key === 'Escape') {
        target.blur();
        event.preventDefault();
      }
      return;
    }
    if (this.handled(event.key)) event.preventDefault();
  }

  private handled(key: string): boolean {
    const names = [...this.views.keys()];
    const view = /^[1-5]$/.test(key) ? names[Number(key) - 1] : undefined;
    if (view !== undefined) navigate(view);
    else if (key === '/' && this.current?.filterInput) this.current.filterInput.focus();
    else if (key === 't') this.theme.click();
    else if (key === '?') showShortcuts();
    else return this.current?.key?.(key) ?? false;
    return true;
  }
}

new Page().start();
