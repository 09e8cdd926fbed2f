/** The separator of an EIP-712 domain. */
import { encodeAbiParameters, keccak256, stringToHex } from "viem/utils";
import type { Hex } from "../base/bytes.ts";

/** A contract's domain; what it leaves out is not in its type either. */
export type Domain = {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly chainId?: number | bigint | undefined;
  readonly verifyingContract?: Hex | undefined;
  readonly salt?: Hex | undefined;
};

/** In the order of EIP-712, "Definition of domainSeparator". */
const FIELDS = [
  ["name", "string"],
  ["version", "string"],
  ["chainId", "uint256"],
  ["verifyingContract", "address"],
  ["salt", "bytes32"],
] as const;

/** keccak256(typeHash ‖ fields), 32 bytes. viem's own is in its root alone, which takes 6 MB of memory. */
export function domainSeparator(domain: Domain): Hex {
  const fields = FIELDS.filter(([name]) => domain[name] !== undefined);
  const type = `EIP712Domain(${fields.map(([name, kind]) => `${kind} ${name}`).join(",")})`;
  const types = fields.map(([, kind]) => ({ type: kind === "string" ? "bytes32" : kind }));
  const values = fields.map(([name, kind]) => {
    const value = domain[name];
    return kind === "string" ? keccak256(stringToHex(String(value))) : value;
  });
  return keccak256(
    encodeAbiParameters([{ type: "bytes32" }, ...types], [keccak256(stringToHex(type)), ...values]),
  );
}
