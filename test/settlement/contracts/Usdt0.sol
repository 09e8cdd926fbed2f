// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

interface IWallet {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

/// @title USDT0: EIP-2612 permits, EIP-3009 authorizations, a blocklist and a name that its owner may change.
/// @notice The name is part of the EIP-712 domain, so that renaming voids every signature made before.
contract Usdt0 is Token {
    string public constant version = "1";
    uint256 public constant decimals = 6;
    address public immutable owner = msg.sender;
    string public name = "USDT0";

    mapping(address account => uint256) public nonces;
    mapping(address account => mapping(bytes32 nonce => bool)) public authorizationState;
    /// @notice Blocked accounts cannot send, and cannot carry out what others signed.
    mapping(address account => bool) public isBlocked;

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    bytes32 private constant TRANSFER = keccak256(
        "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );
    bytes32 private constant RECEIVE = keccak256(
        "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
    );

    error NotOwner();
    error Blocked();
    error PermitExpired();
    error InvalidSignature();
    error CallerNotReceiver();
    error NotYetValid();
    error NoLongerValid();
    error AuthorizationUsed();

    modifier notBlocked(address from) {
        if (isBlocked[msg.sender] || isBlocked[from]) revert Blocked();
        _;
    }

    function transfer(address to, uint256 value) external notBlocked(msg.sender) returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external notBlocked(from) returns (bool) {
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _approve(msg.sender, spender, value);
        return true;
    }

    function permit(address from, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _permit(from, spender, value, deadline, abi.encodePacked(r, s, v));
    }

    function permit(address from, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        _permit(from, spender, value, deadline, signature);
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external notBlocked(from) {
        bytes memory terms = abi.encode(TRANSFER, from, to, value, validAfter, validBefore, nonce);
        _carryOut(terms, abi.encodePacked(r, s, v));
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external notBlocked(from) {
        _carryOut(abi.encode(TRANSFER, from, to, value, validAfter, validBefore, nonce), signature);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external notBlocked(from) {
        if (to != msg.sender) revert CallerNotReceiver();
        bytes memory terms = abi.encode(RECEIVE, from, to, value, validAfter, validBefore, nonce);
        _carryOut(terms, abi.encodePacked(r, s, v));
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external notBlocked(from) {
        if (to != msg.sender) revert CallerNotReceiver();
        _carryOut(abi.encode(RECEIVE, from, to, value, validAfter, validBefore, nonce), signature);
    }

    function setBlocked(address account, bool on) external {
        if (msg.sender != owner) revert NotOwner();
        isBlocked[account] = on;
    }

    function rename(string calldata other) external {
        if (msg.sender != owner) revert NotOwner();
        name = other;
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        bytes32 named = keccak256(bytes(name));
        return keccak256(abi.encode(DOMAIN, named, keccak256(bytes(version)), block.chainid, address(this)));
    }

    function _permit(address from, address spender, uint256 value, uint256 deadline, bytes memory signature) private {
        if (block.timestamp > deadline) revert PermitExpired();
        _verify(from, keccak256(abi.encode(PERMIT, from, spender, value, nonces[from]++, deadline)), signature);
        _approve(from, spender, value);
    }

    /// @dev `terms` start with the type hash, which decoding skips.
    function _carryOut(bytes memory terms, bytes memory signature) private {
        (, address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce) =
            abi.decode(terms, (bytes32, address, address, uint256, uint256, uint256, bytes32));
        if (block.timestamp <= validAfter) revert NotYetValid();
        if (block.timestamp >= validBefore) revert NoLongerValid();
        if (authorizationState[from][nonce]) revert AuthorizationUsed();
        _verify(from, keccak256(terms), signature);
        authorizationState[from][nonce] = true;
        _move(from, to, value);
    }

    function _verify(address signer, bytes32 structHash, bytes memory signature) private view {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
        if (signer.code.length > 0) {
            if (IWallet(signer).isValidSignature(digest, signature) != IWallet.isValidSignature.selector) {
                revert InvalidSignature();
            }
            return;
        }
        if (signature.length != 65) revert InvalidSignature();
        bytes32 r;
        bytes32 s;
        uint8 v = uint8(signature[64]);
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
        }
        address found = ecrecover(digest, v, r, s);
        if (found == address(0) || found != signer) revert InvalidSignature();
    }
}
