// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IErc20 {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @title One-way payment channels as tutorials write them.
/// @notice A channel per payer, payee and token; a voucher for the total; each claim checks one signature and sends
/// the tokens. One call claims many vouchers, so that the fixed cost of a transaction is shared.
contract Textbook {
    struct Channel {
        uint128 deposit;
        uint128 settled;
    }

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant VOUCHER = keccak256("Voucher(address payee,address token,uint256 cumulative)");

    bytes32 private immutable separator;
    mapping(bytes32 key => Channel) private channels;

    event Claimed(bytes32 indexed key, uint256 settled);

    error Refused();

    constructor() {
        separator =
            keccak256(abi.encode(DOMAIN, keccak256("Textbook"), keccak256("1"), block.chainid, address(this)));
    }

    function open(address payer, address payee, address token, uint128 amount) external {
        channels[_key(payer, payee, token)].deposit += amount;
        if (!IErc20(token).transferFrom(msg.sender, address(this), amount)) revert Refused();
    }

    function claim(
        address[] calldata payers,
        address[] calldata payees,
        address token,
        uint128[] calldata cumulatives,
        bytes[] calldata signatures
    ) external {
        for (uint256 i = 0; i < payers.length; ++i) {
            _claim(payers[i], payees[i], token, cumulatives[i], signatures[i]);
        }
    }

    function _claim(address payer, address payee, address token, uint128 cumulative, bytes calldata signature) private {
        bytes32 structHash = keccak256(abi.encode(VOUCHER, payee, token, cumulative));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", separator, structHash));
        address signer =
            ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        if (signer == address(0) || signer != payer) revert Refused();
        bytes32 key = _key(payer, payee, token);
        Channel storage channel = channels[key];
        uint128 settled = channel.settled;
        if (cumulative > channel.deposit || cumulative <= settled) revert Refused();
        channel.settled = cumulative;
        emit Claimed(key, cumulative);
        if (!IErc20(token).transfer(payee, cumulative - settled)) revert Refused();
    }

    function _key(address payer, address payee, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(payer, payee, token));
    }
}
