// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title A token that calls whom it likes before or after units move, and answers what it is told to answer.
/// @notice Knows permits and authorizations without looking at signatures, to be able to call from there too.
contract ReentrantToken is Token {
    uint256 public constant decimals = 6;
    mapping(address account => uint256) public nonces;

    address private target;
    bytes private input;
    bytes private answer;
    bool private early;
    bool private strict;
    /// @notice How often the call went through.
    uint256 public entered;
    /// @notice What the last call that failed said.
    bytes public refusal;

    /// @param target_ whom to call; nobody when zero
    /// @param input_ the call
    /// @param answer_ what `transfer` and `transferFrom` return, byte for byte
    /// @param early_ calls before the units move, not after
    /// @param strict_ fails with the call's own error when it fails
    function plan(address target_, bytes calldata input_, bytes calldata answer_, bool early_, bool strict_) external {
        (target, input, answer, early, strict) = (target_, input_, answer_, early_, strict_);
    }

    function transfer(address to, uint256 value) external {
        _moveAndCall(msg.sender, to, value);
        _answer();
    }

    function transferFrom(address from, address to, uint256 value) external {
        _spend(from, msg.sender, value);
        _moveAndCall(from, to, value);
        _answer();
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    function permit(address from, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        _call();
        ++nonces[from];
        _approve(from, spender, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _moveAndCall(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _moveAndCall(from, to, value);
    }

    /// @dev Whatever the call does to the plan, only one call is made per movement.
    function _moveAndCall(address from, address to, uint256 value) private {
        if (early) _call();
        _move(from, to, value);
        if (!early) _call();
    }

    function _call() private {
        if (target == address(0)) return;
        (bool ok, bytes memory said) = target.call(input);
        if (ok) ++entered;
        else refusal = said;
        if (!ok && strict) {
            assembly ("memory-safe") {
                revert(add(said, 0x20), mload(said))
            }
        }
    }

    function _answer() private view {
        bytes memory said = answer;
        assembly ("memory-safe") {
            return(add(said, 0x20), mload(said))
        }
    }
}
