/**
 * Accept step of clear-text listeners with several protocols: a connection that begins with the preface of one uses it, all
 * others use the protocol of the listener. Nothing is consumed.
 */
import { type Incoming, MORE, type ReadStep } from './accept-step.js';

export class PrefaceStep implements ReadStep {
  readonly activity = 'waiting for request';
  private readonly preface: Buffer;

  constructor(
    preface: string,
    /** ALPN name of the protocol that begins with the preface. */
    private readonly protocol: string,
    /** Whether the preface is recognized on connections to a local address; others that share the socket have no such step. */
    private readonly applies: (localAddress: string) => boolean,
  ) {
    this.preface = Buffer.from(preface, 'latin1');
  }

  read(bytes: Buffer, incoming: Incoming): number {
    const { preface } = this;
    const length = Math.min(bytes.length, preface.length);
    if (bytes.compare(preface, 0, length, 0, length) !== 0 || !this.applies(incoming.localAddress)) return 0;
    if (length < preface.length) return MORE;
    incoming.protocol = this.protocol;
    return 0;
  }
}
