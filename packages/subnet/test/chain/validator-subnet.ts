import { addStake, burnedRegister, readNeurons, registerNetwork, setHyperparameter, startCall, type Chain, type Keypair } from '@connito/chain';

interface ValidatorSubnet {
  readonly netuid: number;
  /** Of the validator. */
  readonly uid: number;
}

/** A subnet on a localnet with an owner (uid 0) and a validator that has its permit; `sudo` pays, and every change of weights is allowed. */
export async function createValidatorSubnet(chain: Chain, { owner, validator, sudo, tempo }: { readonly owner: string; readonly validator: string; readonly sudo: Keypair; readonly tempo: number }): Promise<ValidatorSubnet> {
  const { netuid } = await registerNetwork(chain, { hotkey: owner, signer: sudo });
  for (const [name, value] of [['weightsSetRateLimit', 0], ['adminFreezeWindow', 0], ['tempo', tempo]] as const) await setHyperparameter(chain, { netuid, name, value, signer: sudo, sudo: true });
  await startCall(chain, { netuid, signer: sudo });
  const { uid } = await burnedRegister(chain, { netuid, hotkey: validator, signer: sudo });
  await addStake(chain, { netuid, hotkey: validator, amountRao: 100_000_000_000n, tolerance: 'none', signer: sudo });
  for (let n = 0; n < 3 * tempo && (await readNeurons(chain, { netuid }))[uid]?.validatorPermit !== true; n++) await chain.request('localnet_seal', [1]);
  return { netuid, uid };
}
