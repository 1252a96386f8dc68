/** Requirements for every module. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../src/config/check.js';
import { defaultOf } from '../src/config/default-value.js';
import type { ConfigReader } from '../src/config/reader.js';
import { sentence } from '../src/diagnostics/log-message.js';
import { modules } from '../src/modules/index.js';
import { checkText, corpus } from './config/corpus.js';
import { surrounded } from './config/example.js';

/** Examples name files that are not here; what a module exports is known only when it runs. */
const emptyFiles: ConfigReader = {
  read: (path) => (/\.[cm]?[jt]s$/.test(path) ? 'export default exported();' : ''),
  expand: () => [],
};

for (const module of modules) {
  test(`${module.name}: each example checks in each declared context`, () => {
    for (const [name, spec] of Object.entries(module.directives)) {
      for (const context of spec.contexts) {
        const source = { name: `example of ${name} in ${context}`, text: surrounded(spec, context) };
        const { findings } = check(source, modules, { prefix: '/nonexistent/', reader: emptyFiles });
        const errors = findings.filter(({ severity }) => severity === 'error').map(sentence);
        assert.deepEqual(errors, [], source.text);
      }
    }
  });

  test(`${module.name}: each default passes its own argument type`, () => {
    for (const [name, spec] of Object.entries(module.directives)) {
      assert.doesNotThrow(() => defaultOf(name, spec), name);
    }
  });

  test(`${module.name}: is documented, and so is each of its directives`, () => {
    assert.match(module.doc, /\.$/s);
    for (const [name, { doc, noEffect, differs }] of Object.entries(module.directives)) {
      for (const text of [doc, noEffect, differs]) {
        assert.ok(text === undefined || text.trim().length > 3, `${name}: ${text}`);
      }
    }
  });

  if (Object.keys(module.directives).length > 0) {
    test(`${module.name}: has an accepted and a rejected text in test/conf`, () => {
      const texts = corpus().filter((text) => text.module === module.name);
      assert.ok(
        texts.some(({ accepted }) => accepted),
        `no test/conf/${module.name}/accepted-*.conf`,
      );
      assert.ok(
        texts.some(({ accepted }) => !accepted),
        `no test/conf/${module.name}/rejected-*.conf`,
      );
    });
  }
}

for (const text of corpus()) {
  test(`test/conf/${text.module}/${text.name} has the findings that it announces`, () => {
    const { config, findings, expected, found } = checkText(text, modules);
    assert.deepEqual(found, expected, findings.map(sentence).join('\n'));
    assert.equal(config !== null, text.accepted);
    if (config !== null) {
      assert.deepEqual(structuredClone(config), config);
    }
  });
}
