/** What tests of the bare protocol share: one request over HTTP, and a WebSocket that keeps what it hears. */
import { WebSocket } from 'ws';

/** The result of one request over HTTP; throws the error's message and data. */
export async function ask(endpoint: string, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(endpoint.replace('ws', 'http'), { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { code: number; message: string; data?: string } };
  if (error !== undefined) throw new Error(`${error.code} ${error.message}${error.data === undefined ? '' : `: ${error.data}`}`);
  return result;
}

/** An open WebSocket. */
export interface Line {
  readonly socket: WebSocket;
  /** All messages so far, parsed. */
  readonly heard: { id?: number; method?: string; result?: unknown; error?: { code: number; message: string }; params?: { result: unknown } }[];
  /** Sends a request and gives its answer; fails when the connection ends first. */
  ask(method: string, ...params: readonly unknown[]): Promise<unknown>;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  close(): void;
}

export async function openLine(endpoint: string): Promise<Line> {
  const socket = new WebSocket(endpoint);
  const heard: Line['heard'] = [];
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Line['heard'][number];
    heard.push(message);
    const waiter = waiting.get(message.id ?? -1);
    if (message.error === undefined) waiter?.resolve(message.result);
    else waiter?.reject(new Error(`${message.error.code} ${message.error.message}`));
  });
  void ended.then(() => waiting.forEach(({ reject }) => reject(new Error('the connection has ended'))));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('close', () => reject(new Error('refused')));
  });
  return {
    socket,
    heard,
    ended,
    close: () => socket.terminate(),
    ask: (method, ...params) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
      }),
  };
}

/** Numbers of the headers that a subscription has sent, by the method of its notifications. */
export function headNumbers({ heard }: Line, method: string): number[] {
  return heard.filter((message) => message.method === method).map(({ params }) => Number((params as { result: { number: string } }).result.number));
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2000) throw new Error(`never: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
