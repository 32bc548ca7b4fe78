// A subnet on a development chain, ready for `connito owner run`, `validator run` and `miner run`:
//   node create-subnet.mjs [ws://127.0.0.1:9944]
// //Alice pays for all; the hotkeys are //Bob (owner), //Charlie (validator) and //Dave (miner).
import { addStake, burnedRegister, connectChain, openKeypair, readNeurons, registerNetwork, setHyperparameter, startCall } from '@connito/chain';

const chain = await connectChain({ endpoint: process.argv[2] ?? 'ws://127.0.0.1:9944' });
const signer = openKeypair('//Alice'); // coldkey of everybody here, and the chain's sudo key
const [owner, validator, miner] = ['//Bob', '//Charlie', '//Dave'].map((uri) => openKeypair(uri).hotkey);

const { netuid } = await registerNetwork(chain, { hotkey: owner, signer });
const set = (name, value) => setHyperparameter(chain, { netuid, name, value, signer, sudo: true });
await set('commitRevealWeightsEnabled', false); // plain weights: each row stands as soon as it is sent
await set('weightsSetRateLimit', 0); // cycles may be shorter than the default of 100 blocks
await set('adminFreezeWindow', 0); // nothing can be changed in the 10 blocks before an epoch: with such a tempo never
await set('tempo', 10); // an epoch in every cycle: weights become incentive, stake becomes a validator permit
await startCall(chain, { netuid, signer }); // until then a subnet takes no stake and pays nothing
for (const hotkey of [validator, miner]) await burnedRegister(chain, { netuid, hotkey, signer });
await addStake(chain, { netuid, hotkey: validator, amountRao: 1_000n * 1_000_000_000n, tolerance: 'none', signer }); // 1,000 TAO

console.log(`netuid ${netuid}`);
for (const { uid, hotkey, validatorPermit } of await readNeurons(chain, { netuid })) console.log(uid, hotkey, validatorPermit ? 'may validate' : '');
await chain.close();
