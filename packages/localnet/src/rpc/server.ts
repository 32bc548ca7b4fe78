/**
 * The network side: JSON-RPC over WebSocket, and over HTTP POST for single requests.
 * @module
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { LocalnetError } from '../errors.ts';
import type { LocalNode } from '../node.ts';
import { RpcSession } from './session.ts';

/** One message at most: an extrinsic of 4 MiB in hex, and room around it. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024;
/** Clients at the same time. */
const MAX_CLIENTS = 512;
/** A client that does not read what was sent to it is cut off here. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

/** A listening server. */
export interface RpcServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens. @throws port-in-use, listen-failed */
export async function openServer(node: LocalNode, { host, port }: { host: string; port: number }): Promise<RpcServer> {
  const http = createServer((request, response) => void answerHttp(node, request, response));
  const sockets = new WebSocketServer({ server: http, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  sockets.on('error', () => undefined);
  sockets.on('connection', (socket) => accept(node, sockets, socket));
  await listen(http, { host, port });
  return { port: (http.address() as AddressInfo).port, close: () => closeServer(http, sockets) };
}

function listen(http: Server, { host, port }: { host: string; port: number }): Promise<void> {
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

function accept(node: LocalNode, sockets: WebSocketServer, socket: WebSocket): void {
  socket.on('error', () => socket.terminate());
  if (sockets.clients.size > MAX_CLIENTS) return socket.close(1013, 'too many clients');
  const send = (text: string): void => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else socket.send(text);
  };
  const session = new RpcSession(node, send);
  socket.on('message', (data) => session.handle(String(data), send));
  socket.on('close', () => session.close());
}

async function answerHttp(node: LocalNode, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
  const body = await readBody(request);
  if (body === undefined) return void response.writeHead(413).end();
  response.setHeader('content-type', 'application/json');
  new RpcSession(node).handle(body, (text) => response.write(text));
  response.end();
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

function closeServer(http: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  http.closeAllConnections();
  return new Promise((resolve) => http.close(() => resolve()));
}
