// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title A token that says no by returning false and never fails.
/// @notice While `moody` it moves the units and still returns false.
contract FalseToken is Token {
    uint256 public constant decimals = 6;
    bool public moody;

    function setMoody(bool on) external {
        moody = on;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (value > held[msg.sender]) return false;
        _move(msg.sender, to, value);
        return !moody;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (value > held[from] || value > allowance[from][msg.sender]) return false;
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return !moody;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }
}
