/** A gRPC service and its client (`@grpc/grpc-js`), with text as messages. */
import grpc, { type Client, type handleUnaryCall, type ServiceDefinition } from '@grpc/grpc-js';

const serialize = (text: string): Buffer => Buffer.from(text);
const deserialize = (bytes: Buffer): string => bytes.toString();
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
});

const SERVICE = {
  one: method('One', false, false),
  many: method('Many', false, true),
  collect: method('Collect', true, false),
  talk: method('Talk', true, true),
} satisfies ServiceDefinition;

export interface GrpcService {
  readonly port: number;
  /** Calls that were cancelled, by their message or path. */
  readonly cancelled: string[];
  close(): void;
}

/** `one`: `fail CODE` fails, `wait` never responds, everything else is echoed; metadata `x-token` comes back. */
export async function grpcService(credentials = grpc.ServerCredentials.createInsecure()): Promise<GrpcService> {
  const server = new grpc.Server();
  const cancelled: string[] = [];
  const one: handleUnaryCall<string, string> = (call, callback) => {
    const { request, metadata } = call;
    call.on('cancelled', () => cancelled.push(request));
    const [, code] = /^fail (\d+)$/.exec(request) ?? [];
    if (request === 'wait') return;
    const trailer = new grpc.Metadata();
    trailer.set('x-trailer', `of ${request}`.slice(0, 40));
    if (code !== undefined) {
      callback({ code: Number(code), details: 'as you wish', metadata: trailer });
      return;
    }
    const head = new grpc.Metadata();
    for (const value of metadata.get('x-token')) head.add('x-token', value);
    for (const value of metadata.get('x-data-bin')) head.add('x-data-bin', value);
    call.sendMetadata(head);
    callback(null, request, trailer);
  };
  server.addService(SERVICE, {
    one,
    many(call: grpc.ServerWritableStream<string, string>) {
      const { request } = call;
      call.on('cancelled', () => cancelled.push(request));
      const count = Number(request);
      let sent = 0;
      const write = (): void => {
        while (sent < count) if (!call.write(`message ${sent++}`)) return void call.once('drain', write);
        if (count >= 0) call.end();
      };
      if (count >= 0) write();
      else call.write('first');
    },
    collect(call: grpc.ServerReadableStream<string, string>, callback: grpc.sendUnaryData<string>) {
      let length = 0;
      let count = 0;
      call.on('data', (text: string) => {
        length += text.length;
        count++;
      });
      call.on('end', () => callback(null, `${count} ${length}`));
    },
    talk(call: grpc.ServerDuplexStream<string, string>) {
      call.on('data', (text: string) => call.write(`re: ${text}`));
      call.on('end', () => call.end());
      call.on('cancelled', () => cancelled.push('talk'));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return { port, cancelled, close: () => server.forceShutdown() };
}

export interface EchoClient {
  one(
    request: string,
    metadata: grpc.Metadata,
    options: grpc.CallOptions,
    done: grpc.requestCallback<string>,
  ): grpc.ClientUnaryCall;
  many(request: string, options?: grpc.CallOptions): grpc.ClientReadableStream<string>;
  collect(done: grpc.requestCallback<string>): grpc.ClientWritableStream<string>;
  talk(): grpc.ClientDuplexStream<string, string>;
}

const EchoConstructor = grpc.makeGenericClientConstructor(SERVICE, 'Echo');

/** A client with a connection of its own. */
export function grpcClient(port: number, credentials = grpc.credentials.createInsecure()): Client & EchoClient {
  const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_retries': 0 };
  // The methods are those of the service.
  return new EchoConstructor(`localhost:${port}`, credentials, options) as unknown as Client & EchoClient;
}

/** Outcome of a unary call. */
export interface CallResult {
  readonly error: grpc.ServiceError | null;
  readonly response: string | undefined;
  readonly metadata: grpc.Metadata;
  readonly trailer: grpc.Metadata;
}

export function callOne(
  client: EchoClient,
  request: string,
  { metadata = new grpc.Metadata(), options = {} }: { metadata?: grpc.Metadata; options?: grpc.CallOptions } = {},
): { readonly call: grpc.ClientUnaryCall; readonly result: Promise<CallResult> } {
  let head = new grpc.Metadata();
  let trailer = new grpc.Metadata();
  let finish: (result: CallResult) => void = () => {};
  const result = new Promise<CallResult>((resolve) => {
    finish = resolve;
  });
  let outcome: Pick<CallResult, 'error' | 'response'> | null = null;
  let hasStatus = false;
  const settle = (): void => {
    if (outcome !== null && hasStatus) finish({ ...outcome, metadata: head, trailer });
  };
  const call = client.one(request, metadata, options, (error, response) => {
    outcome = { error, response };
    settle();
  });
  call.on('metadata', (received) => {
    head = received;
  });
  call.on('status', (status) => {
    trailer = status.metadata;
    hasStatus = true;
    settle();
  });
  return { call, result };
}
