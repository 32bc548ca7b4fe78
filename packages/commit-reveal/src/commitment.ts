/**
 * A miner's bound commitment.
 *
 * `SHA-256("connito/commit/v1" ‖ genesis:32 ‖ netuid:u16le ‖ cycle:u32le ‖ hotkey:32 ‖ salt:32 ‖ updateRoot:32)`.
 * Chain, subnet, cycle and author are inside, so a commitment that is copied or replayed opens for nobody.
 * @module
 */
import { equalBytes } from './hex.ts';
import { assertLength, u16, u32 } from './internal/bytes.ts';
import { sha256 } from './sha256.ts';

const DOMAIN = new TextEncoder().encode('connito/commit/v1');

/** Everything that a commitment binds. */
export interface CommitmentPreimage {
  /** Hash of the chain's block 0, 32 bytes. */
  readonly genesis: Uint8Array;
  readonly netuid: number;
  readonly cycle: number;
  /** The author's public key, 32 bytes. */
  readonly hotkey: Uint8Array;
  /** 32 random bytes, secret until the reveal. */
  readonly salt: Uint8Array;
  /** {@link computeTensorRoot} of the update's tensors. */
  readonly updateRoot: Uint8Array;
}

/**
 * The 32 bytes that go on chain.
 * @throws bad-length, out-of-range
 */
export function createCommitment(preimage: CommitmentPreimage): Uint8Array {
  return sha256(
    DOMAIN,
    assertLength('genesis', preimage.genesis, 32),
    u16('netuid', preimage.netuid),
    u32('cycle', preimage.cycle),
    assertLength('hotkey', preimage.hotkey, 32),
    assertLength('salt', preimage.salt, 32),
    assertLength('updateRoot', preimage.updateRoot, 32),
  );
}

/** Whether `commitment` is that of `preimage`. @throws bad-length, out-of-range */
export function verifyCommitment(commitment: Uint8Array, preimage: CommitmentPreimage): boolean {
  return equalBytes(createCommitment(preimage), commitment);
}
