// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The bookkeeping that the tokens of the zoo share.
/// @notice Anyone may mint: it is play money. How units move and what is answered is each token's own matter.
abstract contract Token {
    /// @notice Units that exist.
    uint256 public totalSupply;
    /// @notice The units a spender may still move out of an account.
    mapping(address account => mapping(address spender => uint256)) public allowance;
    /// @dev The units an account really holds, whatever the token says.
    mapping(address account => uint256) internal held;

    /// @notice Units moved; from zero when minted, to zero when destroyed.
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// @notice An allowance was set.
    event Approval(address indexed account, address indexed spender, uint256 value);

    error BalanceTooLow();
    error AllowanceTooLow();

    function balanceOf(address account) external view virtual returns (uint256) {
        return held[account];
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        held[to] += value;
        emit Transfer(address(0), to, value);
    }

    /// @dev Uses an allowance up; one without limit stays.
    function _spend(address from, address spender, uint256 value) internal {
        uint256 allowed = allowance[from][spender];
        if (value > allowed) revert AllowanceTooLow();
        if (allowed != type(uint256).max) allowance[from][spender] = allowed - value;
    }

    function _approve(address from, address spender, uint256 value) internal {
        allowance[from][spender] = value;
        emit Approval(from, spender, value);
    }

    function _move(address from, address to, uint256 value) internal virtual {
        if (value > held[from]) revert BalanceTooLow();
        held[from] -= value;
        held[to] += value;
        emit Transfer(from, to, value);
    }
}
