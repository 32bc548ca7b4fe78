/**
 * The transaction extensions of finney, in their order: `[identifier, what stands in the extrinsic, what is signed besides]`.
 * @module
 */
export const extensions = [
  ['CheckNonZeroSender', 'CheckNonZeroSender', '()'],
  ['CheckSpecVersion', 'CheckSpecVersion', 'u32'],
  ['CheckTxVersion', 'CheckTxVersion', 'u32'],
  ['CheckGenesis', 'CheckGenesis', 'H256'],
  ['CheckMortality', 'CheckMortality', 'H256'],
  ['CheckNonce', 'CheckNonce', '()'],
  ['CheckWeight', 'CheckWeight', '()'],
  ['ChargeTransactionPayment', 'ChargeTransactionPayment', '()'],
  ['SudoTransactionExtension', 'SudoTransactionExtension', '()'],
  ['CheckShieldedTxValidity', 'CheckShieldedTxValidity', '()'],
  ['SubtensorTransactionExtension', 'SubtensorTransactionExtension', '()'],
  ['DrandPriority', 'DrandPriority', '()'],
  ['CheckMetadataHash', 'CheckMetadataHash', 'Option<[u8;32]>'],
] as const;
