/**
 * Which wallets there are, by their files' names alone.
 * @module
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from './secret-file.ts';
import { isName, walletsDirectory } from './wallet.ts';

/** A wallet and its hotkeys, sorted by name. */
export interface WalletListing {
  readonly name: string;
  /** Also those that have a public file only. */
  readonly hotkeys: readonly string[];
}

const PUBLIC_SUFFIX = 'pub.txt';

/** Lists the wallets of a directory; none where there is no such directory. What is named as no wallet can be is passed over. */
export async function listWallets(path?: string): Promise<readonly WalletListing[]> {
  const root = walletsDirectory(path);
  const listings: WalletListing[] = [];
  for (const name of await namesIn(root)) {
    const files = await namesIn(join(root, name));
    if (!files.some((file) => ['coldkey', 'coldkeypub.txt', 'hotkeys'].includes(file))) continue;
    const hotkeys = await namesIn(join(root, name, 'hotkeys'));
    listings.push({ name, hotkeys: [...new Set(hotkeys.map((hotkey) => (hotkey.endsWith(PUBLIC_SUFFIX) ? hotkey.slice(0, -PUBLIC_SUFFIX.length) : hotkey)))].filter(isName).toSorted() });
  }
  return listings;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter(isName).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
