/** Variables of the PROXY protocol header that a client's connection began with. */
import { findTlv, type ProxyHeader, parseTlvName, TlvError } from '../../net/proxy-protocol.js';
import { PROXY_HEADER } from '../../net/proxy-protocol-step.js';
import { logError } from '../../program/error-context.js';
import type { Getter, VariableSpec } from '../../program/variable-spec.js';

function value(of: (header: ProxyHeader) => string, doc: string): VariableSpec {
  return {
    get: ({ client }) => {
      const header = client.accepted?.get(PROXY_HEADER);
      return header === undefined ? undefined : of(header);
    },
    doc: `${doc} from the header of the PROXY protocol.`,
  };
}

/** Formats a port as nginx does: an empty string for 0. */
function port(number: number): string {
  return number > 0 ? String(number) : '';
}

function tlv(rest: string): Getter {
  const name = parseTlvName(rest);
  return (x) => {
    const header = x.client.accepted?.get(PROXY_HEADER);
    if (header === undefined) return undefined;
    try {
      return findTlv(header.tlvs, name)?.latin1Slice();
    } catch (error) {
      if (!(error instanceof TlvError)) throw error;
      logError(x, 'error', error.message);
      return undefined;
    }
  };
}

export const proxyProtocolVariables: Readonly<Record<string, VariableSpec>> = {
  proxy_protocol_addr: value(({ address }) => address, 'Address of the client'),
  proxy_protocol_port: value((header) => port(header.port), 'Port of the client'),
  proxy_protocol_server_addr: value(({ serverAddress }) => serverAddress, 'Address of the server'),
  proxy_protocol_server_port: value(({ serverPort }) => port(serverPort), 'Port of the server'),
  'proxy_protocol_tlv_*': {
    family: tlv,
    doc: 'A field (TLV) of a PROXY protocol header of version 2: `alpn`, `authority`, `unique_id`, `netns`, `ssl_version`, `ssl_cn`, `ssl_cipher`, `ssl_sig_alg`, `ssl_key_alg`, `ssl_verify`, or its type as a hexadecimal number (`0xea`, `ssl_0x21`).',
  },
};
