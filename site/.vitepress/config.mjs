// The site: the pages of docs/ as they are. Nothing is loaded from other hosts, and dead links fail the build.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { onSite, sidebar, slug } from '../sidebar.mjs';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const { repository, description } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const REPOSITORY = repository.url.replace(/^git\+|\.git$/g, '');

/** Target of a page's link on the site; links to files outside of docs/ lead to the repository. */
function target(href, page) {
  if (/^[a-z]+:|^#|^\//.test(href)) return href;
  const [path = '', fragment] = href.split('#');
  const anchor = fragment === undefined ? '' : `#${fragment}`;
  const file = posix.join(posix.dirname(page), path);
  if (file.startsWith('..') || !/\.(md|svg|png)$/.test(file)) {
    return `${REPOSITORY}/blob/main/${posix.join('docs', file)}${anchor}`;
  }
  return `${posix.relative(posix.dirname(page), onSite(file))}${anchor}`;
}

export default defineConfig({
  title: 'tsproxy',
  description,
  lang: 'en',
  srcDir: '../docs',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  rewrites: onSite,
  vite: {
    // The index of the search has the text of all pages; it is loaded when the search is opened.
    build: { chunkSizeWarningLimit: 1500 },
    // The pages are outside of this directory, where Vue is installed.
    resolve: {
      alias: [
        { find: /^vue\/server-renderer$/, replacement: fileURLToPath(import.meta.resolve('vue/server-renderer')) },
        {
          find: /^vue$/,
          replacement: fileURLToPath(new URL('../node_modules/vue/dist/vue.runtime.esm-bundler.js', import.meta.url)),
        },
      ],
    },
  },
  markdown: {
    anchor: { slugify: slug },
    config(md) {
      md.core.ruler.push('links', ({ tokens, env }) => {
        for (const { children } of tokens) {
          for (const token of children ?? []) {
            if (token.type !== 'link_open') continue;
            token.attrSet('href', target(token.attrGet('href') ?? '', env.relativePath));
          }
        }
      });
    },
  },
  themeConfig: {
    nav: [
      { text: 'Quick starts', link: '/quick-start/' },
      { text: 'Directives', link: '/directives/list' },
      { text: 'Codes', link: '/codes' },
    ],
    sidebar: sidebar(DOCS),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    footer: { message: 'MIT licensed.' },
  },
});
