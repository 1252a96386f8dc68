// The sidebar of the site: the groups of docs/README.md, and the pages of the two directories below it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Title of a page: its first heading. */
function titleOf(docs, path) {
  return /^# (.+)$/m.exec(readFileSync(join(docs, path), 'utf8'))?.[1] ?? path;
}

/** Anchor of a heading, as GitHub names it. */
export function slug(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** Path of a page on the site. There is a module `index` beside the list of directives. */
export function onSite(path) {
  return path === 'directives/README.md' ? 'directives/list.md' : path.replace(/(^|\/)README\.md$/, '$1index.md');
}

/** Address of a page on the site. */
function linkTo(path) {
  return `/${onSite(path)
    .replace(/(^|\/)index\.md$/, '$1')
    .replace(/\.md$/, '')}`;
}

/** Pages of a directory below `docs`, without its list. */
function pagesIn(docs, directory) {
  return readdirSync(join(docs, directory))
    .filter((name) => name.endsWith('.md') && name !== 'README.md')
    .map((name) => ({ text: titleOf(docs, `${directory}/${name}`), link: linkTo(`${directory}/${name}`) }));
}

/** Directories whose pages are below the entry of their list. */
const DIRECTORIES = ['quick-start', 'directives'];

/** Groups of the sidebar: `{ text, items }`. Pages that docs/README.md does not name are in the last one. */
export function sidebar(docs) {
  const groups = [];
  const named = new Set(['README.md']);
  for (const line of readFileSync(join(docs, 'README.md'), 'utf8').split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1];
    if (heading !== undefined) groups.push({ text: heading, collapsed: groups.length > 1, items: [] });
    const [, text, path] = /^- \[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? [];
    if (path === undefined) continue;
    named.add(path);
    const directory = DIRECTORIES.find((each) => path === `${each}/README.md`);
    const below = directory === undefined ? {} : { collapsed: true, items: pagesIn(docs, directory) };
    groups.at(-1)?.items.push({ text, link: linkTo(path), ...below });
  }
  const others = readdirSync(docs).filter((name) => name.endsWith('.md') && !named.has(name));
  if (others.length > 0) {
    groups.push({ text: 'More', items: others.map((name) => ({ text: titleOf(docs, name), link: linkTo(name) })) });
  }
  return groups;
}
