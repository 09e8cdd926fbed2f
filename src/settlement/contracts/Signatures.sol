// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The function by which a smart wallet says that a signature is its own (EIP-1271).
interface IWallet {
    /// @notice Whether the wallet stands by a digest.
    /// @param digest what was signed
    /// @param signature in whatever form the wallet understands
    /// @return 0x1626ba7e when it does
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

/// @title Whose signature is it: EIP-712 digests, keys (ECDSA) and smart wallets (EIP-1271).
/// @notice Read first of the parts of LaneVault. It knows nothing of vaults and lanes; what is signed stands where it
/// is checked: orders in Accounts, vouchers in Claims, the payee's consent in Closing.
abstract contract Signatures {
    /// @dev The EIP-712 domain without a salt.
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    /// @dev EIP-2: of the two signatures (s and n - s) only the one with the lower s is accepted. This is n / 2.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev The chain this contract was created on: the cached separator is valid there only.
    uint256 private immutable homeChain;
    /// @dev The EIP-712 domain separator on `homeChain`.
    bytes32 private immutable homeSeparator;

    /// @notice The signature is malformed, has a high s, or is not of anyone who may sign this.
    error BadSignature();

    /// @notice Takes no arguments: remembers the chain and the separator there.
    constructor() {
        homeChain = block.chainid;
        homeSeparator = _separator();
    }

    /// @notice The EIP-712 domain separator: name "LaneVault", version "1", this chain, this contract.
    /// @return the separator, computed anew on a chain that forked off after deployment
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return block.chainid == homeChain ? homeSeparator : _separator();
    }

    /// @dev Whether a smart wallet stands by a digest (EIP-1271). The wallet's code runs, but as a static call: it can
    /// change nothing, here or elsewhere.
    /// @param wallet any address
    /// @param digest the EIP-712 digest
    /// @param signature in whatever form the wallet understands
    /// @return false as well where there is no contract, or one that fails or answers something else
    function _isWalletSignature(address wallet, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        bytes32 yes = bytes32(IWallet.isValidSignature.selector);
        (bool ok, bytes memory answer) =
            wallet.staticcall(abi.encodeCall(IWallet.isValidSignature, (digest, signature)));
        return ok && answer.length >= 32 && bytes32(answer) == yes;
    }

    /// @dev The account whose key signed a digest.
    /// @param digest the EIP-712 digest
    /// @param signature r | s | v, 65 bytes, s in its lower half
    /// @return 0 when no key can have
    function _recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) return address(0);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
    }

    /// @dev What is signed.
    /// @param structHash the EIP-712 struct hash
    /// @return the EIP-712 digest
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
    }

    /// @dev The domain separator of this contract on the present chain.
    /// @return EIP-712 domain separator
    function _separator() private view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("LaneVault"), keccak256("1"), block.chainid, address(this))
        );
    }
}
