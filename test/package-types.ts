/** Types of the package as it is published: of the library, and of the module API. packed.test.ts runs these tests. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from './structure/sources.js';

const RESOLUTIONS = [
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
];

/** Declaration files that the public types may refer to: interfaces for authors, and plain data. */
const PUBLIC = [
  /^grammar\/syntax-tree$/,
  /^src\/(index|module-api|testing)$/,
  /^src\/config\/(argument-types|checked-config|directive|log-level|place|template)$/,
  /^src\/config\/pcre\/expression$/,
  /^src\/diagnostics\/(codes|finding|json|json-finding)$/,
  /^src\/explain\/explanation$/,
  /^src\/http\/(header-block|response-head)$/,
  /^src\/library\/(config|fastify|middleware|proxy|tap)$/,
  /^src\/library\/testing\/(start-proxy|test-messages|test-request)$/,
  /^src\/logging\/error-log$/,
  /^src\/program\/(body|error-context|exchange|handler|module-definition|phases|session|settings-key)$/,
  /^src\/program\/(state-key|template|upstream-attempt|variable|variable-spec|verdict)$/,
  /^src\/scripting\/(public-types|request)$/,
  /^src\/tap\/rows$/,
  /^src\/upstream\/(balancer-peer|custom-balancer)$/,
];

/** The first TypeScript block of a document that contains the text. */
function firstBlock(document: string, text: string): string {
  const blocks = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/```ts\n(.*?)```/gs)];
  const block = blocks.find(([, code = '']) => code.includes(text))?.[1];
  if (block === undefined) throw new Error(`${document} has no block with ${text}`);
  return block;
}

/** @param tarball the path of the package, which is known when tests run */
export function testTypes(tarball: () => string): void {
  describe('types of the package', () => {
    /** A project that has installed the package. */
    let project = '';

    before(() => {
      project = mkdtempSync(join(tmpdir(), 'tsproxy-package-'));
      const installed = join(project, 'node_modules/tsproxy');
      mkdirSync(installed, { recursive: true });
      execFileSync('tar', ['-xzf', tarball(), '-C', installed, '--strip-components=1']);
      // Dependencies need no network: types of the package refer to none but those of Node.
      for (const name of ['@types/node', 'undici-types']) {
        mkdirSync(dirname(join(project, 'node_modules', name)), { recursive: true });
        symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
      }
      writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }');
      writeFileSync(join(project, 'readme.ts'), firstBlock('README.md', "from 'tsproxy'"));
      writeFileSync(join(project, 'tap.ts'), firstBlock('docs/tap.md', "from 'tsproxy'"));
      writeFileSync(join(project, 'module.ts'), firstBlock('docs/modules.md', "from 'tsproxy/module'"));
      writeFileSync(
        join(project, 'embedded.ts'),
        `import { createProxy } from 'tsproxy';
import { createProxy as createAlone, ConfigError } from 'tsproxy/proxy';
import { startProxy, testMessage } from 'tsproxy/testing';
import limitQuery from './module.js';
export const started = (t: Parameters<typeof startProxy>[0]) => startProxy(t, { config: '' });
export const action: string = testMessage('').decision.action;
createProxy({ config: 'events {}', modules: [limitQuery] });
createAlone({ config: 'events {}' }).start().catch((error: unknown) => error instanceof ConfigError && error.findings);
`,
      );
      cpSync(join(ROOT, 'examples'), join(project, 'examples'), { recursive: true });
      cpSync(join(ROOT, 'conf/examples/websocket-script.ts'), join(project, 'websocket-script.ts'));
      writeFileSync(join(project, 'scripting.ts'), firstBlock('docs/scripting.md', "from 'tsproxy'"));
    });
    after(() => rmSync(project, { recursive: true, force: true }));

    for (const resolution of RESOLUTIONS) {
      for (const skipLibCheck of [false, true]) {
        const libraries = skipLibCheck ? 'without' : 'with';
        test(`the examples have no type errors: ${resolution.moduleResolution}, ${libraries} checks of libraries`, () => {
          const name = `tsconfig-${resolution.moduleResolution}-${skipLibCheck}.json`;
          const compilerOptions = {
            ...resolution,
            target: 'es2022',
            lib: ['es2023'],
            types: ['node'],
            strict: true,
            exactOptionalPropertyTypes: true,
            noUncheckedIndexedAccess: true,
            allowJs: true,
            checkJs: true,
            noEmit: true,
            skipLibCheck,
          };
          const include = ['*.ts', 'examples/**/*.js'];
          writeFileSync(join(project, name), JSON.stringify({ compilerOptions, include }));
          const tsc = join(ROOT, 'node_modules/.bin/tsc');
          const { status, stdout } = spawnSync(tsc, ['-p', name], { cwd: project, encoding: 'utf8', timeout: 60_000 });
          assert.equal(status, 0, stdout);
        });
      }
    }

    test('the package contains the page of the console', () => {
      const directory = join(project, 'node_modules/tsproxy/dist/src/console/page');
      for (const name of ['index.html', 'page.js', 'page.css', 'icon.svg']) {
        assert.ok(readFileSync(join(directory, name)).length > 100, name);
      }
    });

    test('public types refer to no others of the project', () => {
      const seen = new Set(['src/index', 'src/module-api', 'src/testing']);
      for (const file of seen) {
        const text = readFileSync(join(project, 'node_modules/tsproxy/dist', `${file}.d.ts`), 'utf8');
        for (const [, to = ''] of text.matchAll(/(?:from |import\()'(\.[^']+)\.js'/g)) {
          seen.add(posix.join(posix.dirname(file), to));
        }
      }
      assert.deepEqual(
        [...seen].filter((file) => !PUBLIC.some((pattern) => pattern.test(file))),
        [],
      );
    });
  });
}
