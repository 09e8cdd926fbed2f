/** The wallets folder, read again and again: a file that has not changed is not checked twice, which costs a curve point. */
import { parseWallet, readWallets, type Wallet, type WalletReading } from "./wallet-folder.ts";

export class WalletReader {
  readonly #readSecret: (path: string) => string;
  #before: ReadonlyMap<string, { readonly text: string; readonly wallet: Wallet }> = new Map();

  /** @param readSecret - the text of a file that is nobody else's */
  constructor(readSecret: (path: string) => string) {
    this.#readSecret = readSecret;
  }

  /** As {@link readWallets}; the wallet of an unchanged file is the same object as before. */
  read(dataFolder: string): WalletReading {
    const now = new Map<string, { readonly text: string; readonly wallet: Wallet }>();
    const reading = readWallets(dataFolder, (path) => {
      const text = this.#readSecret(path);
      const before = this.#before.get(path);
      const one = before?.text === text ? before : { text, wallet: parseWallet(text, path) };
      now.set(path, one);
      return one.wallet;
    });
    this.#before = now;
    return reading;
  }
}
