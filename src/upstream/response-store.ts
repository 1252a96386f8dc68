/** Stores responses as files: `proxy_store`. nginx: ngx_http_upstream_store. */
import { chmodSync, closeSync, futimesSync, writeSync } from 'node:fs';
import type { TemporaryPath } from '../config/temporary-path-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { failedCall } from '../exchange/file-error.js';
import { filePath } from '../exchange/file-path.js';
import { moveFile } from '../files/move-file.js';
import { nativePath } from '../files/native-path.js';
import { openTemporaryFile, removeName } from '../files/temporary-file.js';
import { parseHttpDate } from '../http/http-date.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Template } from '../program/template.js';
import { CopyingSink } from './copying-sink.js';
import type { ResponseSink } from './response-sink.js';

export interface StoreSettings {
  /** Path of the file; null: the one to which `root` or `alias` maps the URI. */
  readonly path: Pick<Template, 'of'> | null;
  /** Permissions of the file (`proxy_store_access`); directories are also searchable by those who may read. */
  readonly access: number;
  /** `proxy_temp_path`: the file is written there, and renamed when it is complete. */
  readonly place: TemporaryPath;
}

/** Stores a response with status 200, and passes it on. */
export class ResponseStore extends CopyingSink {
  private fd = -1;
  private temporary = '';
  private failed = false;

  /** `lastModified`: field of the response. */
  constructor(
    next: ResponseSink,
    private readonly x: Exchange,
    private readonly settings: StoreSettings,
    private readonly lastModified: string | undefined,
  ) {
    super(next);
  }

  /** Appends bytes `start` to `end`. As in nginx, this blocks until the page cache has them. */
  protected write(bytes: Buffer, start: number, end: number): void {
    if (this.fd < 0) this.open();
    try {
      for (let at = start; at < end && !this.failed; ) at += writeSync(this.fd, bytes, at, end - at);
    } catch (error) {
      this.storingFailed(`pwrite() "${this.temporary}" failed (${errnoText(error)})`);
    }
  }

  private open(): void {
    if (this.failed) return;
    try {
      const { fd, path } = openTemporaryFile(this.settings.place, true);
      this.fd = fd;
      this.temporary = path;
    } catch (error) {
      this.storingFailed((error as Error).message); // nginx's message
    }
  }

  /** The response is complete: moves the file to its path. */
  protected finish(): void {
    if (this.fd < 0) this.open();
    if (this.failed) return;
    const { x, settings, temporary, lastModified } = this;
    const path = settings.path === null ? (filePath(x)?.path ?? '') : settings.path.of(x);
    try {
      chmodSync(nativePath(temporary), settings.access);
      const time = lastModified === undefined ? -1 : parseHttpDate(lastModified);
      if (time >= 0) futimesSync(this.fd, time, time);
      if (path !== '') {
        const { access } = settings;
        // Directories are searchable for every class of users that may read the file.
        moveFile(temporary, path, access | ((access & 0o444) >> 2));
        this.temporary = '';
      }
    } catch (error) {
      const call = failedCall(error);
      if (call === 'rename') this.storingFailed(`rename() "${temporary}" to "${path}" failed (${errnoText(error)})`);
      else
        this.storingFailed(
          `${call || 'rename'}() "${call === 'mkdir' ? path : temporary}" failed (${errnoText(error)})`,
        );
    }
    this.discard();
  }

  private storingFailed(message: string): void {
    logError(this.x, 'crit', message);
    this.discard();
  }

  /** Closes and removes the file if it is incomplete. */
  protected discard(): void {
    this.failed = true;
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = -1;
    if (this.temporary !== '') removeName(this.temporary);
    this.temporary = '';
  }
}
