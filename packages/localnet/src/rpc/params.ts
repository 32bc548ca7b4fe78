/**
 * Parameters of requests, parsed once and strictly.
 * @module
 */
import { accountOfAddress } from '../accounts.ts';
import { parseHex, toHex } from '../hex.ts';
import type { Block } from '../block.ts';
import type { NodeView } from '../node.ts';
import { badParams, RpcFailure } from './failure.ts';

/** Bytes as hex; as on a Substrate node, `0x` may be left out, which Python clients do. @throws RpcFailure */
export function bytesParam(value: unknown, name: string): Uint8Array {
  const bytes = parseHex(typeof value === 'string' && !value.startsWith('0x') ? `0x${value}` : value);
  if (bytes === undefined) throw badParams(`${name}: expected bytes as hex (0x…)`);
  return bytes;
}

/** Bytes as hex, given as hex without prefix. @throws RpcFailure */
export function hexParam(value: unknown, name: string): string {
  return toHex(bytesParam(value, name));
}

/** The hash of a block, as hex without prefix. @throws RpcFailure */
export function hashParam(value: unknown, name: string): string {
  const hash = hexParam(value, name);
  if (hash.length !== 64) throw badParams(`${name}: expected a hash of 32 bytes as hex`);
  return hash;
}

/** @throws RpcFailure */
export function booleanParam(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw badParams(`${name}: expected true or false`);
  return value;
}

/** @throws RpcFailure */
export function textParam(value: unknown, name: string): string {
  if (typeof value !== 'string') throw badParams(`${name}: expected a string`);
  return value;
}

/** A list of hex strings, `max` at most. @throws RpcFailure */
export function hexListParam(value: unknown, name: string, max: number): string[] {
  if (!Array.isArray(value) || value.length > max) throw badParams(`${name}: expected a list of at most ${max} keys`);
  return value.map((item) => hexParam(item, name));
}

/** A whole number from 0 to `max`. @throws RpcFailure */
export function countParam(value: unknown, name: string, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) throw badParams(`${name}: expected a whole number from 0 to ${max}`);
  return value;
}

/** An account as ss58 or hex, given as hex. @throws RpcFailure */
export function accountParam(value: unknown, name: string): string {
  const account = accountOfAddress(value);
  if (account === undefined) throw badParams(`${name}: expected an account as an ss58 address`);
  return account;
}

/** The block of an optional hash, else the head. @throws RpcFailure */
export function blockParam(node: NodeView, value: unknown): Block {
  const block = value === undefined || value === null ? node.head : node.block(hexParam(value, 'at'));
  if (block === undefined) throw new RpcFailure(4003, `Client error: UnknownBlock: Header was not found in the database: ${String(value)}`);
  return block;
}

/** The same, but blocks whose state is discarded are refused. @throws RpcFailure */
export function stateBlockParam(node: NodeView, value: unknown): Block {
  const block = blockParam(node, value);
  if (block.header.number >= node.oldestStateBlock && node.chain.has(block)) return block;
  throw new RpcFailure(4003, `Client error: UnknownBlock: State already discarded for ${String(value)}`);
}
