/** Traffic tap of a process: publishers write rows to it while there are subscribers. */
import type { TapFeed } from './feed.js';
import type { PublishedRow } from './rows.js';

export class Tap {
  /** Whether there are subscribers. Publishers test it first. */
  active = false;
  /** Number of times that the tap has become active: state of publishers of an earlier time is invalid. */
  epoch = 0;
  /** Bytes of payloads that subscribers need. */
  payloadSize = 0;
  private feeds: readonly TapFeed[] = [];
  private count = 0;

  /** An id for a request. */
  nextId(): string {
    this.count++;
    return `${process.pid}-${this.count}`;
  }

  add(feed: TapFeed): void {
    this.setFeeds([...this.feeds, feed]);
  }

  remove(feed: TapFeed): void {
    feed.close();
    this.setFeeds(this.feeds.filter((each) => each !== feed));
  }

  private setFeeds(feeds: readonly TapFeed[]): void {
    this.feeds = feeds;
    if (feeds.length > 0 && !this.active) this.epoch++;
    this.active = feeds.length > 0;
    this.payloadSize = Math.max(0, ...feeds.map((feed) => feed.payloadSize));
  }

  publish(row: PublishedRow): void {
    for (const feed of this.feeds) feed.add(row);
  }
}
