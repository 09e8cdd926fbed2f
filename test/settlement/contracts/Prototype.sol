// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IErc20} from "./Textbook.sol";

interface IPermit {
    function permit(address from, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// @title Lanes by three rules that look right and are not.
/// @notice What an attacker can do here must fail in LaneVault. 1. Consent to a cooperative close has no deadline and
/// only closes at what is settled. 2. A signed top-up names no epoch and calls off a close, as the payer's own would.
/// 3. A permit that fails is ignored, whoever brings it.
contract Prototype {
    struct Lane {
        uint96 settled;
        uint96 deposit;
        uint40 closeAt;
        uint24 epoch;
    }

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant VOUCHER = keccak256("Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");
    bytes32 private constant FUND_LANE =
        keccak256("FundLane(address payer,address payee,address token,uint96 amount,uint256 nonce)");
    bytes32 private constant COOP_CLOSE =
        keccak256("CoopClose(address payer,address payee,address token,uint24 epoch,uint96 finalAmount)");

    mapping(address account => mapping(address token => uint256)) public vault;
    mapping(bytes32 key => Lane) private lanes;
    mapping(address payer => uint256) public fundNonce;

    error Refused();

    function deposit(address account, address token, uint256 amount) external {
        IErc20(token).transferFrom(msg.sender, address(this), amount);
        vault[account][token] += amount;
    }

    function depositWithPermit(
        address token,
        address from,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        try IPermit(token).permit(from, address(this), amount, deadline, v, r, s) {} catch {}
        IErc20(token).transferFrom(from, address(this), amount);
        vault[from][token] += amount;
    }

    function fundLaneWithSig(address payer, address payee, address token, uint96 amount, bytes calldata signature)
        external
    {
        bytes32 order = keccak256(abi.encode(FUND_LANE, payer, payee, token, amount, fundNonce[payer]++));
        if (_signer(order, signature) != payer) revert Refused();
        Lane storage lane = lanes[_key(payer, payee, token)];
        vault[payer][token] -= amount;
        lane.deposit += amount;
        lane.closeAt = 0;
    }

    function claim(address payer, address payee, address token, uint96 cumulative, bytes calldata signature) external {
        Lane storage lane = lanes[_key(payer, payee, token)];
        if (_signer(keccak256(abi.encode(VOUCHER, payee, token, lane.epoch, cumulative)), signature) != payer) {
            revert Refused();
        }
        if (cumulative <= lane.settled || cumulative > lane.deposit) revert Refused();
        vault[payee][token] += cumulative - lane.settled;
        lane.settled = cumulative;
    }

    function requestClose(address payee, address token) external {
        lanes[_key(msg.sender, payee, token)].closeAt = uint40(block.timestamp + 1 hours);
    }

    function coopClose(address payer, address payee, address token, uint96 finalAmount, bytes calldata signature)
        external
    {
        Lane storage lane = lanes[_key(payer, payee, token)];
        bytes32 consent = keccak256(abi.encode(COOP_CLOSE, payer, payee, token, lane.epoch, finalAmount));
        if (finalAmount != lane.settled || _signer(consent, signature) != payee) revert Refused();
        vault[payer][token] += lane.deposit - lane.settled;
        lanes[_key(payer, payee, token)] = Lane(0, 0, 0, lane.epoch + 1);
    }

    function closeAt(address payer, address payee, address token) external view returns (uint256) {
        return lanes[_key(payer, payee, token)].closeAt;
    }

    function _key(address payer, address payee, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(payer, payee, token));
    }

    function _signer(bytes32 structHash, bytes calldata signature) private view returns (address) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN, keccak256("LaneVault"), keccak256("1"), block.chainid, address(this))
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domain, structHash));
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
    }
}
