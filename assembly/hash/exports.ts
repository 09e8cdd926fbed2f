/** What JavaScript calls of the hashes. */
export {
  keccak256,
  keccakFinal,
  keccakInit,
  keccakStateBytes,
  keccakUpdate,
} from "./keccak";
export { chooseKeccakNodes, keccakNodes } from "./keccak-nodes";
export { sha256, sha256Final, sha256Init, sha256StateBytes, sha256Update } from "./sha256";
export { chooseSha256Nodes, sha256Nodes } from "./sha256-nodes";
export { frontierAppend, frontierBytes, frontierRoot } from "./frontier";
export {
  merkleLevels,
  merkleRoot,
  merkleTreeBytes,
  merkleVerify,
  merkleWorkspace,
} from "./merkle";
