// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title A token without permits that does not say so: its fallback accepts every call.
/// @notice WETH is the well-known one. Whoever approved such a token without limit must not lose it to a permit
/// that was never checked.
contract SwallowToken is Token {
    uint256 public constant decimals = 18;
    bytes private answer;

    /// @param answer_ what the fallback returns, byte for byte
    function plan(bytes calldata answer_) external {
        answer = answer_;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    fallback() external {
        bytes memory said = answer;
        assembly ("memory-safe") {
            return(add(said, 0x20), mload(said))
        }
    }
}
