/**
 * Runtime APIs: from a name and SCALE inputs to SCALE output, by the description in `pallets/apis.ts`.
 * @module
 */
import type { Block } from '../block.ts';
import { encodeMetadata, METADATA_VERSIONS, type MetadataVersion } from '../metadata.ts';
import type { NodeView } from '../node.ts';
import { apis, type Apis } from '../pallets/apis.ts';
import { networkLockCost } from '../runtime/subnets.ts';
import { ScaleReader } from '../scale/bytes.ts';
import { encodeScale, readScale } from '../scale/codec.ts';
import { runtimeVersion } from '../version.ts';
import { ApiContext, type ApiHandlers } from './context.ts';
import { delegateInfoApi } from './delegate-info.ts';
import { neuronInfoApi } from './neurons.ts';
import { transactionPaymentApi, transactionPaymentCallApi } from './payment.ts';
import { stakeInfoApi } from './stake-info.ts';
import { subnetInfoApi } from './subnet-info.ts';
import { swapApi } from './swap.ts';
import { transactionQueueApi } from './transaction-queue.ts';

/** What to call. */
export interface ApiCall {
  /** `<Api>_<method>`. */
  readonly name: string;
  readonly data: Uint8Array;
  readonly block: Block;
}

/**
 * Answers a runtime call; `undefined` if there is no such method.
 * @throws bad-scale
 */
export function callApi(node: NodeView, { name, data, block }: ApiCall): Uint8Array | undefined {
  const method = METHODS.get(name);
  if (method === undefined) return undefined;
  const reader = new ScaleReader(data);
  const inputs = Object.fromEntries(Object.entries(method.inputs).map(([key, type]) => [key, readScale(type, reader)]));
  reader.end();
  return encodeScale(method.output, method.answer(new ApiContext(node, block), inputs) as never);
}

const handlers: { readonly [A in keyof Apis]: ApiHandlers<A> } = {
  Core: { version: () => runtimeVersion },
  Metadata: {
    metadata: ({ node }) => encodeMetadata(14, node.chain.blockTimeMs),
    metadata_at_version: ({ node }, { version }) =>
      METADATA_VERSIONS.includes(version as MetadataVersion) ? encodeMetadata(version as MetadataVersion, node.chain.blockTimeMs) : undefined,
    metadata_versions: () => METADATA_VERSIONS,
  },
  TaggedTransactionQueue: transactionQueueApi,
  AuraApi: { slot_duration: ({ node }) => BigInt(node.chain.blockTimeMs), authorities: () => [] },
  AccountNonceApi: { account_nonce: ({ storage }, { account }) => storage.System.Account.get(account).nonce },
  TransactionPaymentApi: transactionPaymentApi,
  TransactionPaymentCallApi: transactionPaymentCallApi,
  DelegateInfoRuntimeApi: delegateInfoApi,
  NeuronInfoRuntimeApi: neuronInfoApi,
  SubnetInfoRuntimeApi: subnetInfoApi,
  StakeInfoRuntimeApi: stakeInfoApi,
  SubnetRegistrationRuntimeApi: { get_network_registration_cost: ({ execution }) => networkLockCost(execution) },
  SwapRuntimeApi: swapApi,
};

interface ApiMethod {
  readonly inputs: Readonly<Record<string, string>>;
  readonly output: string;
  readonly answer: (context: ApiContext, inputs: unknown) => unknown;
}

type MethodDescriptions = Readonly<Record<string, readonly [Readonly<Record<string, string>>, string]>>;

const METHODS: ReadonlyMap<string, ApiMethod> = new Map(
  Object.entries(apis).flatMap(([api, { methods }]) =>
    Object.entries(methods as MethodDescriptions).map(([method, [inputs, output]]) => {
      const answer = (handlers[api as keyof Apis] as unknown as Readonly<Record<string, ApiMethod['answer']>>)[method] as ApiMethod['answer'];
      return [`${api}_${method}`, { inputs, output, answer }] as const;
    }),
  ),
);
