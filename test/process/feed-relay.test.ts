/** The master's part of the feeds of the console. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedSettings } from '../../src/console/feed-settings.js';
import { FeedRelay, type FeedWorker } from '../../src/process/feed-relay.js';
import type { Command } from '../../src/process/worker-messages.js';

class Recorder implements FeedWorker {
  readonly commands: Command[] = [];

  sendCommand(command: Command): void {
    this.commands.push(command);
  }

  of<C extends Command['command']>(command: C): Extract<Command, { command: C }>[] {
    return this.commands.filter((each): each is Extract<Command, { command: C }> => each.command === command);
  }
}

const SETTINGS: FeedSettings = {
  kinds: ['http'],
  frames: 'none',
  payload: 0,
  redaction: { fields: [], jsonPaths: [], patterns: [] },
};

test('a batch is followed by the next one when it was taken, unless its viewer has ended', () => {
  const relay = new FeedRelay();
  const [viewing, other] = [new Recorder(), new Recorder()];
  const all = [viewing, other];
  relay.watch(viewing, 1, SETTINGS, all);
  const [feed] = other.of('feed');
  assert.ok(feed !== undefined && viewing.of('feed').length === 0);
  relay.receive(other, feed.id, new Uint8Array(1));
  relay.taken(viewing.of('watched')[0]?.batch ?? 0);
  assert.equal(other.of('feed-next').length, 1);

  relay.receive(other, feed.id, new Uint8Array(2));
  const [, second] = viewing.of('watched');
  assert.ok(second !== undefined);
  relay.unwatch(viewing, 1, all);
  assert.deepEqual(other.of('unfeed'), [{ command: 'unfeed', id: feed.id }]);
  relay.taken(second.batch);
  assert.equal(other.of('feed-next').length, 1);
});
