export { assertName, DEFAULT_WALLET_PATH, openWallet, walletsDirectory } from './wallet.ts';
export type { KeyPaths, KeyRole, KeyState, UnlockOptions, Wallet, WalletOptions } from './wallet.ts';
export type { KeyfileEncryption } from './keyfile-encryption.ts';
export { encodePasswordVariable, passwordFromEnvironment, passwordVariable, readPasswordFd, readPasswordFile } from './password.ts';
export type { PasswordRequest, PasswordSource } from './password.ts';
