/** A configuration file as a site of the development view. */
import { type ConfigReader, diskReader } from '../../config/reader.js';
import type { ConfigSource } from '../../process/configuration.js';
import type { Module } from '../../program/module.js';
import type { Site } from './site.js';

export function nginxSite(title: string, source: ConfigSource, modules: readonly Module[]): Site {
  return {
    title,
    modules,
    async prepare() {
      const read = new Set<string>([source.name]);
      return {
        source: { ...source, reader: recordingReader(read) },
        urls: [],
        notices: [],
        consoleUrl: null,
        watched: read,
      };
    },
  };
}

/** Adds the paths and patterns that are read to a set. */
function recordingReader(read: Set<string>): ConfigReader {
  return {
    read(path) {
      read.add(path);
      return diskReader.read(path);
    },
    expand(pattern) {
      read.add(pattern);
      return diskReader.expand(pattern);
    },
  };
}
