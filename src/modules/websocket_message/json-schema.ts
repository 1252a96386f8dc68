/** JSON Schema for messages, with the package ajv, which is loaded on demand. */
import { readFile } from 'node:fs/promises';
import { importOptional } from '../../config/optional-package.js';
import type { Validate } from './policies.js';

/** Optional packages for schemas. */
export const SCHEMA_PACKAGES = ['ajv'];

/** A schema file, compiled before the configuration is in force. */
export class JsonSchema {
  private compiled: Validate | null = null;

  constructor(readonly path: string) {}

  /** Reads and compiles the file. Throws an Error with the reason if that is not possible. */
  async load(): Promise<void> {
    const text = await readFile(this.path, 'utf8');
    const schema: unknown = JSON.parse(text);
    const isSchema =
      typeof schema === 'boolean' || (typeof schema === 'object' && schema !== null && !Array.isArray(schema));
    if (!isSchema) throw new Error('a JSON schema is an object or a boolean');
    const draft2020 = typeof schema === 'object' && /2020-12/.test(String((schema as { $schema?: unknown }).$schema));
    const Ajv = await importOptional('"websocket_json_schema"', SCHEMA_PACKAGES, async () =>
      draft2020 ? (await import('ajv/dist/2020.js')).Ajv2020 : (await import('ajv')).Ajv,
    );
    const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: false, logger: false });
    const validate = ajv.compile(schema as object);
    this.compiled = (value) => {
      if (validate(value)) return null;
      const [first] = validate.errors ?? [];
      return first === undefined ? 'invalid' : `${first.instancePath || '/'} ${first.message ?? first.keyword}`;
    };
  }

  get validate(): Validate {
    if (this.compiled === null) throw new Error(`schema ${this.path} was not loaded`);
    return this.compiled;
  }
}
