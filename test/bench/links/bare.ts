/**
 * A bare aedes in a process of its own, as its documentation starts one.
 *
 *     bare.ts [DRAIN_MS] [noble]
 *
 * With `noble` each CONNECT's token is checked by `@noble/secp256k1`, and nothing else is.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import type { Hex } from "../../../src/base/bytes.ts";
import { connectDigest } from "../../../src/protocol/typed-data.ts";
import { MARKET } from "../../exchange/stage.ts";
import { checkWithNoble } from "../noble-signers.ts";
import { tellPort } from "./child.ts";

const [drain = "60000", check] = process.argv.slice(2);
const aedes = await Aedes.createBroker({ drainTimeout: Number(drain), connectTimeout: 60_000 });
aedes.on("clientError", () => undefined);
aedes.on("connectionError", () => undefined);
if (check === "noble") {
  aedes.authenticate = (client, username, password, done) => {
    const [, issued, expires, nonce, signature] = (password?.toString("latin1") ?? "").split(".");
    const claim = { issued: Number(issued), expires: Number(expires), nonce: `0x${nonce}` as Hex };
    const digest = connectDigest(MARKET, { clientId: client.id, ...claim });
    checkWithNoble([{ by: (username ?? "") as Hex, digest, signature: `0x${signature}` }]).then(
      ([holds]) => done(null, holds === true),
      () => done(null, false),
    );
  };
}
const server = createServer(aedes.handle).listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (typeof address !== "object" || address === null) throw new Error("no port");
tellPort(address.port);
