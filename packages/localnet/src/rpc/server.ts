/**
 * The network side of one endpoint: JSON-RPC over WebSocket, and over HTTP POST for single requests.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Controls } from '../controls.ts';
import { LocalnetError } from '../errors.ts';
import { Faults, type DropOptions } from '../faults.ts';
import type { LocalNode } from '../node.ts';
import { EndpointView } from './endpoint-view.ts';
import type { ControlContext } from './localnet-methods.ts';
import { RpcSession } from './session.ts';

/** One message at most: an extrinsic of 4 MiB in hex, and room around it. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** Clients at the same time. */
const MAX_CLIENTS = 512;
/** A client that does not read what was sent to it is cut off here. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;
/** All of an endpoint's clients together; beyond that, those are cut off that read slowly: who has more than this before it. */
const MAX_BUFFERED_IN_ALL_BYTES = 256 * 1024 * 1024;
const SLOW_BYTES = 1024 * 1024;
/** Sockets of all kinds at the same time. */
const MAX_SOCKETS = 1024;
/** As a Substrate node does: a ping every half minute, and whoever has answered none of three is gone. */
const PING_INTERVAL_MS = 30_000;
const MAX_UNANSWERED_PINGS = 3;
/** A client has so long to send the head of a request, and a whole request. */
const HEADERS_TIMEOUT_MS = 20_000;
const REQUEST_TIMEOUT_MS = 60_000;

/** A listening server. */
export interface RpcServer {
  readonly port: number;
  readonly faults: Faults;
  close(): Promise<void>;
}

/** Where to listen, and what for. */
export interface ServerOptions {
  readonly node: LocalNode;
  readonly controls: Controls;
  readonly host: string;
  readonly port: number;
  readonly snapshotDirectory: string | undefined;
  /** From one ping to the next (30,000). */
  readonly pingIntervalMs?: number;
}

/** Listens. @throws port-in-use, listen-failed */
export async function openServer(options: ServerOptions): Promise<RpcServer> {
  const endpoint = new Endpoint(options);
  const http = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => void endpoint.answerHttp(request, response));
  http.maxConnections = MAX_SOCKETS;
  http.on('upgrade', (request, socket, head) => endpoint.upgrade(request, socket, head));
  await listen(http, options);
  return {
    port: (http.address() as AddressInfo).port,
    faults: endpoint.faults,
    close: () => {
      endpoint.close();
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
}

interface Connection {
  readonly socket: WebSocket;
  readonly raw: Duplex;
  unansweredPings: number;
}

class Endpoint {
  readonly faults: Faults;
  readonly #view: EndpointView;
  readonly #snapshotDirectory: string | undefined;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  readonly #connections = new Set<Connection>();
  readonly #pings: NodeJS.Timeout;

  constructor({ node, controls, snapshotDirectory, pingIntervalMs = PING_INTERVAL_MS }: ServerOptions) {
    this.faults = new Faults({ drop: ({ oneIn }) => this.#drop(oneIn, undefined), onChange: () => this.#view.follow() });
    this.#view = new EndpointView({ node, controls, faults: this.faults });
    this.#snapshotDirectory = snapshotDirectory;
    this.#pings = setInterval(() => this.#ping(), pingIntervalMs).unref();
  }

  upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
    raw.on('error', () => raw.destroy());
    if (this.faults.settings.refuseConnections === true) return void raw.destroy();
    this.#sockets.handleUpgrade(request, raw, head, (socket) => this.#accept({ socket, raw, unansweredPings: 0 }));
  }

  async answerHttp(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
    const body = await readBody(request);
    if (body === undefined) return void response.writeHead(413).end();
    response.setHeader('content-type', 'application/json');
    const session = new RpcSession({ context: this.#context(undefined) });
    await session.handle(body, (text) => response.write(text));
    session.close();
    response.end();
  }

  close(): void {
    clearInterval(this.#pings);
    for (const { socket } of this.#connections) socket.terminate();
    this.#sockets.close();
    this.#view.close();
  }

  #accept(connection: Connection): void {
    const { socket } = connection;
    socket.on('error', () => socket.terminate());
    if (this.#connections.size >= MAX_CLIENTS) return socket.close(1013, 'too many clients');
    this.#connections.add(connection);
    const send = (text: string): void => {
      if (socket.readyState !== socket.OPEN) return;
      if (this.#isTooSlow(socket)) socket.terminate();
      else socket.send(text);
    };
    const session = new RpcSession({ context: this.#context(connection), send });
    let messages = 0;
    socket.on('message', (data) => {
      const text = String(data);
      if (!isControl(text)) messages += 1;
      if (messages > (this.faults.settings.dropAfterMessages ?? Number.POSITIVE_INFINITY)) return this.#cut(connection);
      void session.handle(text, send);
    });
    socket.on('pong', () => {
      connection.unansweredPings = 0;
    });
    socket.on('close', () => {
      this.#connections.delete(connection);
      session.close();
    });
  }

  #isTooSlow({ bufferedAmount }: WebSocket): boolean {
    if (bufferedAmount <= SLOW_BYTES) return false;
    const inAll = [...this.#connections].reduce((sum, { socket }) => sum + socket.bufferedAmount, 0);
    return bufferedAmount > MAX_BUFFERED_BYTES || inAll > MAX_BUFFERED_IN_ALL_BYTES;
  }

  /** Of clients that are gone without a word nothing else is heard. */
  #ping(): void {
    for (const connection of this.#connections) {
      if (connection.unansweredPings >= MAX_UNANSWERED_PINGS) connection.socket.terminate();
      else connection.socket.ping();
      connection.unansweredPings += 1;
    }
  }

  #context(own: Connection | undefined): ControlContext {
    return {
      view: this.#view,
      snapshotDirectory: this.#snapshotDirectory,
      drop: (options: DropOptions) => {
        const { oneIn = 1 } = options;
        return own === undefined ? this.faults.dropConnections({ oneIn }) : this.#drop(oneIn, own);
      },
    };
  }

  #drop(oneIn: number, spared: Connection | undefined): number {
    const victims = [...this.#connections].filter((connection) => connection !== spared).filter((_, index) => index % oneIn === 0);
    for (const victim of victims) this.#cut(victim);
    return victims.length;
  }

  /** Ends a connection without a word, or after the beginning of a message. */
  #cut({ socket, raw }: Connection): void {
    if (this.faults.settings.dropMidFrame === true) raw.write(HALF_FRAME, () => socket.terminate());
    else socket.terminate();
  }
}

/** A text frame of 4,096 bytes, of which only the first come. */
const HALF_FRAME: Buffer = Buffer.concat([Buffer.from([0x81, 126, 0x10, 0x00]), Buffer.from('{"jsonrpc":"2.0","result":{"block":{"header":{"parentHash":"0x')]);

/** Roughly: whether a message is for the controls. Messages of both kinds in one batch count as one of a node. */
function isControl(text: string): boolean {
  return /^\s*\{/.test(text) && /"method"\s*:\s*"localnet_/.test(text.slice(0, 4096));
}

function listen(http: Server, { host, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, { host, port })));
    http.listen({ host, port }, () => {
      http.removeAllListeners('error');
      http.on('error', () => undefined);
      resolve();
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): LocalnetError {
  const context = { host, port };
  if (cause.code === 'EADDRINUSE') {
    const message = `Port ${port} on ${host} is taken by another program. Stop that program, or choose another port (0 takes any free one).`;
    return new LocalnetError('port-in-use', message, { context, cause });
  }
  return new LocalnetError('listen-failed', `Cannot listen on ${host}:${port}: ${cause.message}.`, { context, cause });
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const part of request) {
      sizeBytes += (part as Buffer).length;
      if (sizeBytes > MAX_MESSAGE_BYTES) return undefined;
      parts.push(part as Buffer);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(parts).toString('utf8');
}
