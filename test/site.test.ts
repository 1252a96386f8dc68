/** The documentation site: its sidebar has every page, and links between pages lead to headings that exist. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ROOT } from './structure/sources.js';

interface Entry {
  readonly text: string;
  readonly link?: string;
  readonly items?: readonly Entry[];
}

const { onSite, sidebar, slug } = (await import(pathToFileURL(join(ROOT, 'site/sidebar.mjs')).href)) as {
  onSite(path: string): string;
  slug(heading: string): string;
  sidebar(docs: string): readonly Entry[];
};

const DOCS = join(ROOT, 'docs');
const PAGES = readdirSync(DOCS, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));

function linksOf(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ link, items = [] }) => [...(link === undefined ? [] : [link]), ...linksOf(items)]);
}

test('the sidebar has every page of docs/ once', () => {
  const links = linksOf(sidebar(DOCS)).map((link) => link.replace(/\/$/, '/index').slice(1));
  const pages = PAGES.filter((path) => path !== 'README.md').map((path) => onSite(path).replace(/\.md$/, ''));
  assert.deepEqual(links.sort(), pages.sort());
});

/** Anchors of a page, as GitHub and the site name them. */
function anchorsOf(path: string): Set<string> {
  const text = readFileSync(path, 'utf8').replace(/^```.*?^```$/gms, '');
  return new Set([...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => slug(heading)));
}

test('links to headings of pages lead to headings', () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    const text = readFileSync(join(DOCS, page), 'utf8').replace(/^```.*?^```$/gms, '');
    for (const [, path = '', anchor = ''] of text.matchAll(/\]\(([^)#:]*)#([^)]+)\)/g)) {
      const file = path === '' ? page : posix.join(posix.dirname(page), path);
      const target = join(DOCS, file);
      if (!target.endsWith('.md')) continue;
      if (!existsSync(target) || !anchorsOf(target).has(anchor)) broken.push(`${page}: ${path}#${anchor}`);
    }
  }
  assert.deepEqual(broken, []);
});

test('the site loads nothing from other hosts, and dead links fail its build', () => {
  const config = readFileSync(join(ROOT, 'site/.vitepress/config.mjs'), 'utf8');
  assert.match(config, /search: \{ provider: 'local' \}/);
  assert.doesNotMatch(config, /ignoreDeadLinks|https?:\/\//);
  assert.match(readFileSync(join(ROOT, 'site/.vitepress/theme/index.mjs'), 'utf8'), /theme-without-fonts/);
});

test('the packages of the site are not those of the project', () => {
  const project = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  assert.doesNotMatch(project, /"node_modules\/vitepress"/);
  const site = JSON.parse(readFileSync(join(ROOT, 'site/package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'site/package.json'), 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  assert.equal(site.packages['node_modules/vitepress']?.version, devDependencies.vitepress);
});

test('reference links of pages have a definition, and definitions a link', () => {
  const wrong: string[] = [];
  for (const page of PAGES) {
    const text = readFileSync(join(DOCS, page), 'utf8')
      .replace(/^```.*?^```$/gms, '')
      .replace(/`[^`\n]*`/g, '');
    const defined = new Set([...text.matchAll(/^\[([^\]]+)\]: /gm)].map(([, name = '']) => name));
    const used = new Set([...text.matchAll(/\]\[([^\]]+)\]/g)].map(([, name = '']) => name));
    for (const name of [...defined, ...used]) {
      if (!defined.has(name) || !used.has(name)) wrong.push(`${page}: [${name}]`);
    }
  }
  assert.deepEqual(wrong, []);
});
