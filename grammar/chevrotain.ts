/**
 * chevrotain, loaded from the single file that its package ships beside its fifty modules: loading the modules takes 50
 * ms, the single file 8 ms. The bundled command has it in a file of its own (`esbuild.mjs`).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as Chevrotain from 'chevrotain';

const require = createRequire(import.meta.url);
const modules = require.resolve('chevrotain');
const single = join(dirname(modules), '../chevrotain.min.mjs');
const chevrotain: typeof Chevrotain = require(existsSync(single) ? single : modules);

export const { createToken, EmbeddedActionsParser, EOF, Lexer } = chevrotain;
