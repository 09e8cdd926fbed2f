// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

// solhint-disable const-name-snakecase, reason-string, gas-custom-errors

/// @title Play money that is as awkward as USDT on Ethereum.
/// @notice Six decimals. `transfer`, `transferFrom` and `approve` return nothing. An allowance can only be changed
/// to or from zero. The owner can take a fee, pause transfers and block senders. Refusals carry no reason.
/// @dev Behaves like Tether's contract of 2017 where a user of the token can tell; worth nothing.
contract TestUsdt {
    /// @notice The token's name.
    string public constant name = "Test Tether USD";
    /// @notice The token's symbol.
    string public constant symbol = "USDT";
    /// @notice One USDT is 10^6 atomic units.
    uint256 public constant decimals = 6;

    /// @notice Who may mint, take fees, pause and block: whoever deployed the token.
    address public immutable owner;
    /// @notice All units there are.
    uint256 public totalSupply;
    /// @notice The fee in hundredths of a percent, at most 19.
    uint256 public basisPointsRate;
    /// @notice The largest fee on one transfer, in atomic units.
    uint256 public maximumFee;
    /// @notice True while nobody can transfer.
    bool public paused;

    /// @notice The units an account holds.
    mapping(address account => uint256) public balanceOf;
    /// @notice The units a spender may still move out of an account.
    mapping(address account => mapping(address spender => uint256)) public allowance;
    /// @notice Accounts whose tokens cannot be moved. They can still receive.
    mapping(address account => bool) public isBlackListed;

    /// @notice Units moved; from zero when minted.
    /// @param from the sender
    /// @param to the receiver
    /// @param value atomic units
    event Transfer(address indexed from, address indexed to, uint256 value);
    /// @notice An allowance was set.
    /// @param account whose units
    /// @param spender who may move them
    /// @param value atomic units
    event Approval(address indexed account, address indexed spender, uint256 value);

    /// @dev Refuses, without a reason, anyone but the owner.
    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    /// @notice Makes the deployer the owner.
    constructor() {
        owner = msg.sender;
    }

    /// @notice Moves the caller's units, less the fee. Returns nothing.
    /// @param to the receiver
    /// @param value atomic units
    function transfer(address to, uint256 value) external {
        _move(msg.sender, to, value);
    }

    /// @notice Moves units that `from` has approved for the caller, less the fee. Returns nothing.
    /// @param from the owner of the units
    /// @param to the receiver
    /// @param value atomic units
    function transferFrom(address from, address to, uint256 value) external {
        uint256 allowed = allowance[from][msg.sender];
        require(value <= allowed);
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        _move(from, to, value);
    }

    /// @notice Sets an allowance. Refused when both the old and the new one are above zero. Returns nothing.
    /// @param spender who may move the caller's units
    /// @param value atomic units
    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    /// @notice Makes units out of nothing.
    /// @param to the receiver
    /// @param value atomic units
    function mint(address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    /// @notice Sets the fee.
    /// @param basisPoints hundredths of a percent, below 20
    /// @param wholeTokens the largest fee on one transfer, in whole USDT, below 50
    function setParams(uint256 basisPoints, uint256 wholeTokens) external onlyOwner {
        require(basisPoints < 20 && wholeTokens < 50);
        basisPointsRate = basisPoints;
        maximumFee = wholeTokens * 10 ** decimals;
    }

    /// @notice Stops all transfers; approvals still work.
    function pause() external onlyOwner {
        paused = true;
    }

    /// @notice Allows transfers again.
    function unpause() external onlyOwner {
        paused = false;
    }

    /// @notice Blocks an account from sending.
    /// @param account any address
    function addBlackList(address account) external onlyOwner {
        isBlackListed[account] = true;
    }

    /// @notice Lets an account send again.
    /// @param account any address
    function removeBlackList(address account) external onlyOwner {
        isBlackListed[account] = false;
    }

    /// @dev Moves units and takes the fee.
    /// @param from the sender
    /// @param to the receiver
    /// @param value atomic units
    function _move(address from, address to, uint256 value) private {
        require(!paused && !isBlackListed[from] && value <= balanceOf[from]);
        uint256 fee = value * basisPointsRate / 10_000;
        if (fee > maximumFee) fee = maximumFee;
        balanceOf[from] -= value;
        balanceOf[to] += value - fee;
        emit Transfer(from, to, value - fee);
        if (fee == 0) return;
        balanceOf[owner] += fee;
        emit Transfer(from, owner, fee);
    }
}
