/** `expand_env`: environment variables in a configuration. */
import { environmentNames } from '../config/environment-argument.js';
import { defineModule } from '../program/module.js';

export default defineModule({
  name: 'environment',
  doc: 'Environment variables in a configuration.',
  directives: {
    expand_env: {
      contexts: ['main'],
      takes: environmentNames,
      repeat: true,
      doc: 'Names of environment variables. In the whole configuration, including the names of included files, `${NAME}` is replaced by the value of the variable when the configuration is read, or by the default if the variable is not set; without either, the configuration is refused. The value becomes a part of the word that contains it: spaces and semicolons in it have no meaning, and it must not contain `$`. All other `${name}` remain variables of nginx. The directive must be in the main configuration file. This is an extension of tsproxy; nginx has no such directive, and its users run `envsubst` instead.',
      example: 'expand_env PORT=8080;',
    },
  },
});
