// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title A token whose balances are not what was moved.
/// @notice `lie` is added to whatever `balanceOf` answers; every movement replaces it by `next`. Moves anybody's
/// units for anybody: what it has to say is all that counts.
contract LyingToken is Token {
    uint256 public constant decimals = 6;
    int256 public lie;
    int256 public next;

    function plan(int256 lie_, int256 next_) external {
        (lie, next) = (lie_, next_);
    }

    function balanceOf(address account) external view override returns (uint256) {
        return uint256(int256(held[account]) + lie);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        lie = next;
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _move(from, to, value);
        lie = next;
        return true;
    }
}
