// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IToken, TokenCalls} from "./Token.sol";

/// @title The address at which one account receives plain token transfers.
/// @notice A vault creates one per account, by CREATE2, at an address that can be computed and paid to long before.
/// All it can do is hand tokens to the vault that created it, when that vault asks. It keeps no state, cannot be
/// changed and cannot destroy itself. The chain's own coins cannot be taken out of it.
contract DepositAddress {
    /// @dev The vault that created it.
    address private immutable vault;

    /// @notice Only the vault may ask.
    error NotVault();

    /// @notice Belongs to its creator.
    constructor() {
        vault = msg.sender;
    }

    /// @notice Sends tokens to the vault.
    /// @param token the token
    /// @param amount atomic units
    function collect(address token, uint256 amount) external {
        if (msg.sender != vault) revert NotVault();
        TokenCalls.order(token, abi.encodeCall(IToken.transfer, (vault, amount)));
    }
}
