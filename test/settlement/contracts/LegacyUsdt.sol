// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title USDT on Ethereum, as its 2017 contract behaves.
/// @notice Nothing is returned, refusals carry no reason, an allowance changes only from or to zero, and the owner
/// can take a fee, pause, block senders and destroy what a blocked account holds.
contract LegacyUsdt is Token {
    uint256 public constant decimals = 6;
    address public immutable owner = msg.sender;
    uint256 public basisPointsRate;
    /// @notice The largest fee on one transfer, in atomic units.
    uint256 public maximumFee;
    bool public paused;
    /// @notice Blocked accounts cannot send; they still receive, and may call `transferFrom` for others.
    mapping(address account => bool) public isBlackListed;

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        // without a reason, as the compiler of 2017 refused
        require(value <= allowance[from][msg.sender]);
        _spend(from, msg.sender, value);
        _move(from, to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        _approve(msg.sender, spender, value);
    }

    /// @param basisPoints below 20
    /// @param wholeTokens the largest fee on one transfer, below 50
    function setParams(uint256 basisPoints, uint256 wholeTokens) external onlyOwner {
        require(basisPoints < 20 && wholeTokens < 50);
        basisPointsRate = basisPoints;
        maximumFee = wholeTokens * 10 ** decimals;
    }

    function setPaused(bool on) external onlyOwner {
        paused = on;
    }

    function setBlackListed(address account, bool on) external onlyOwner {
        isBlackListed[account] = on;
    }

    function destroyBlackFunds(address account) external onlyOwner {
        require(isBlackListed[account]);
        emit Transfer(account, address(0), held[account]);
        totalSupply -= held[account];
        held[account] = 0;
    }

    function _move(address from, address to, uint256 value) internal override {
        require(!paused && !isBlackListed[from] && value <= held[from]);
        uint256 fee = value * basisPointsRate / 10_000;
        if (fee > maximumFee) fee = maximumFee;
        super._move(from, to, value - fee);
        if (fee > 0) super._move(from, owner, fee);
    }
}
