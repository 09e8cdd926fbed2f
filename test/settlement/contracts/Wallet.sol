// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The smallest EIP-1271 wallet: what one key signs, it has signed.
/// @notice Takes the digest as it comes, without mixing its own address in. That makes it the most dangerous kind:
/// the key's signature for another of its wallets, or for the key's own account, has the same shape. Bytes after the
/// 65th are ignored: signatures of wallets have any length.
contract Wallet {
    /// @dev n / 2: like most wallets, this one takes the lower s only.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    address public immutable key;

    constructor(address key_) {
        key = key_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length < 65 || uint256(bytes32(signature[32:64])) > HALF_ORDER) return 0xffffffff;
        address found = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return found != address(0) && found == key ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
