// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Signatures} from "./Signatures.sol";

/// @title What an account has, who acts for it, and the orders by which it acts through others.
/// @notice Read second, after Signatures. An account has a vault per token, at most one owner, an allowance per token
/// for its own key, and nonces. A vault falls in `_spend` and nowhere else; whether somebody may cause that is
/// answered by `_isLimited` for the sender of a call and by `_accept` for who signed an order.
abstract contract Accounts is Signatures {
    /// @notice An order that somebody else may carry out, as far as it is the same for all of them.
    /// @param deadline last second at which it is valid
    /// @param nonce any number that its signer has not used. The two highest bits say who signs: 00 or 01 the key of
    /// the account or of its owner (ECDSA), 10 the account as a smart wallet (EIP-1271), 11 the owner as one
    /// @param fee atomic units that the account's vault pays to whoever carries the order out
    /// @param signature r | s | v, 65 bytes, s in its lower half; or what the wallet accepts
    struct Order {
        uint256 deadline;
        uint256 nonce;
        uint96 fee;
        bytes signature;
    }

    /// @dev An order to name the signer's owner. `token` is what the fee is paid in.
    bytes32 private constant SET_OWNER_TYPEHASH = keccak256(
        "SetOwner(address account,address owner,address token,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev An order to set an allowance.
    bytes32 private constant SET_ALLOWANCE_TYPEHASH = keccak256(
        "SetAllowance(address account,address token,uint256 amount,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev Nonces from here on belong to smart wallets: this is the account's share, then comes the owner's.
    uint256 private constant WALLET_NONCES = 1 << 255;

    /// @dev account => token => atomic units that the account may withdraw or put into lanes.
    mapping(address account => mapping(address token => uint256)) internal balances;
    /// @dev account => who acts for it without limit; 0 while the account acts for itself.
    mapping(address account => address) internal owners;
    /// @dev account => token => atomic units that the account's own key may still move; read once it has an owner.
    mapping(address account => mapping(address token => uint256)) internal allowances;
    /// @dev signer => nonce / 256 => one bit per nonce that has been used.
    mapping(address signer => mapping(uint256 index => uint256)) private usedNonces;

    /// @notice An account has an owner, for good.
    /// @param account who named it
    /// @param owner who acts for the account from here on
    event OwnerNamed(address indexed account, address indexed owner);
    /// @notice An allowance was set by the owner, or used.
    /// @param account whose own key it limits
    /// @param token the token
    /// @param amount what the key may still move
    event AllowanceSet(address indexed account, address indexed token, uint256 amount);
    /// @notice A nonce cannot be used again: an order was carried out, or its signer called it off.
    /// @param signer whose nonce
    /// @param nonce the nonce
    event NonceUsed(address indexed signer, uint256 nonce);
    /// @notice `fee` moved from an account's vault into that of whoever carried out its order.
    /// @param account whose vault shrank
    /// @param relayer whose vault grew
    /// @param token the token
    /// @param fee what moved
    event FeePaid(address indexed account, address indexed relayer, address indexed token, uint96 fee);

    /// @notice The vault holds less than is asked for.
    /// @param available what it holds
    /// @param wanted what was asked for, fee included
    error InsufficientVault(uint256 available, uint256 wanted);
    /// @notice The account's own key asks for more than the owner allows.
    /// @param allowed what is left
    /// @param wanted what was asked for, fee included
    error AllowanceExceeded(uint256 allowed, uint256 wanted);
    /// @notice The caller does not act for this account.
    error NotController();
    /// @notice The account has an owner already.
    error OwnerSet();
    /// @notice The account has no owner.
    error NoOwner();
    /// @notice Neither zero nor the account itself can be the owner.
    error BadOwner();
    /// @notice The deadline of the order has passed.
    error Expired();
    /// @notice The nonce was used before.
    error NonceReused();

    /// @notice Names the caller's owner, once and for good. From here on the caller's own key is bound by the
    /// allowance, which starts at zero.
    /// @param owner who acts for the caller
    function setOwner(address owner) external {
        _setOwner(msg.sender, owner);
    }

    /// @notice Names an owner on the account's order.
    /// @param account who signed
    /// @param owner who acts for it from here on
    /// @param token what the fee is paid in
    /// @param order deadline, nonce, fee and signature
    function setOwnerWithSig(address account, address owner, address token, Order calldata order) external {
        bytes32 structHash = keccak256(
            abi.encode(SET_OWNER_TYPEHASH, account, owner, token, order.deadline, order.nonce, order.fee)
        );
        if (owners[account] != address(0)) revert OwnerSet();
        // without an owner there is none but the account who can have signed
        _accept(account, structHash, order);
        _spend(account, token, 0, order.fee, false);
        _setOwner(account, owner);
    }

    /// @notice Sets how much the account's own key may move. The caller is the owner.
    /// @dev What the key has moved before is not counted in: it may use up the old allowance until this is mined, and
    /// the new one after.
    /// @param account whose key
    /// @param token the token
    /// @param amount atomic units; replaces what was left
    function setAllowance(address account, address token, uint256 amount) external {
        address owner = owners[account];
        if (owner == address(0)) revert NoOwner();
        if (msg.sender != owner) revert NotController();
        _setAllowance(account, token, amount);
    }

    /// @notice Sets how much the account's own key may move, on the owner's order. The fee is the account's to pay.
    /// @param account whose key
    /// @param token the token
    /// @param amount atomic units; replaces what was left
    /// @param order deadline, nonce, fee and signature of the owner
    function setAllowanceWithSig(address account, address token, uint256 amount, Order calldata order) external {
        if (owners[account] == address(0)) revert NoOwner();
        bytes32 structHash = keccak256(
            abi.encode(SET_ALLOWANCE_TYPEHASH, account, token, amount, order.deadline, order.nonce, order.fee)
        );
        // a key must not raise its own limit
        if (_accept(account, structHash, order)) revert BadSignature();
        _setAllowance(account, token, amount);
        _spend(account, token, 0, order.fee, false);
    }

    /// @notice Uses up one of the caller's nonces, which calls off every order that it has signed with it.
    /// @param nonce the nonce
    function cancelNonce(uint256 nonce) external {
        if (nonceUsed(msg.sender, nonce)) revert NonceReused();
        _useNonce(msg.sender, nonce);
    }

    /// @notice Whether a nonce has been used.
    /// @param signer whose nonce
    /// @param nonce the nonce
    /// @return true once an order with it was carried out or called off
    function nonceUsed(address signer, uint256 nonce) public view returns (bool) {
        return usedNonces[signer][nonce >> 8] & (1 << (nonce & 255)) != 0;
    }

    /// @dev Checks deadline, signature and nonce of an order, and uses the nonce up.
    ///
    /// One order is carried out once, although two identities may stand behind one key (a key may be the owner, and
    /// sign for the wallet that is the account): the nonce, which is signed, says which identity speaks, and each has
    /// its own nonces.
    /// @param account for whom it was signed
    /// @param structHash the EIP-712 struct hash
    /// @param order deadline, nonce, fee and signature
    /// @return limited whether the allowance counts, because the account's own key or wallet has signed
    function _accept(address account, bytes32 structHash, Order calldata order) internal returns (bool limited) {
        if (block.timestamp > order.deadline) revert Expired();
        bytes32 digest = _digest(structHash);
        address signer;
        if (order.nonce < WALLET_NONCES) {
            signer = _keySigner(account, digest, order);
        } else {
            signer = order.nonce >> 254 == 2 ? account : owners[account];
            if (!_isWalletSignature(signer, digest, order.signature)) signer = address(0);
        }
        if (signer == address(0)) revert BadSignature();
        if (nonceUsed(signer, order.nonce)) revert NonceReused();
        _useNonce(signer, order.nonce);
        return _isLimited(account, signer);
    }

    /// @dev Who signed an order with a key.
    /// @param account for whom it was signed
    /// @param digest the EIP-712 digest
    /// @param order deadline, nonce, fee and signature
    /// @return signer the account or its owner; 0 when it is neither, or when the nonce is a wallet's
    function _keySigner(address account, bytes32 digest, Order calldata order) internal view returns (address signer) {
        if (order.nonce >= WALLET_NONCES) return address(0);
        signer = _recover(digest, order.signature);
        if (signer != account && signer != owners[account]) return address(0);
    }

    /// @dev Whether somebody acts for an account, and how far.
    /// @param account the account
    /// @param actor who wants to act for it
    /// @return true when the allowance counts, false when nothing limits it; reverts when it does not act for it
    function _isLimited(address account, address actor) internal view returns (bool) {
        if (_isUnlimited(account, actor)) return false;
        if (actor != account) revert NotController();
        return true;
    }

    /// @dev Whether somebody acts for an account without limit.
    /// @param account the account
    /// @param actor anyone but 0
    /// @return true for the owner, or the account itself while there is none
    function _isUnlimited(address account, address actor) internal view returns (bool) {
        address owner = owners[account];
        return actor == (owner == address(0) ? account : owner);
    }

    /// @dev Uses up a nonce that the caller of this function has seen unused.
    /// @param signer whose nonce
    /// @param nonce the nonce
    function _useNonce(address signer, uint256 nonce) internal {
        usedNonces[signer][nonce >> 8] |= 1 << (nonce & 255);
        emit NonceUsed(signer, nonce);
    }

    /// @dev Lowers a vault, and the allowance where it counts, by an amount and a fee; pays the fee.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what the caller of this function puts elsewhere
    /// @param fee what the sender of the transaction gets
    /// @param limited whether the allowance counts
    function _spend(address account, address token, uint256 amount, uint96 fee, bool limited) internal {
        uint256 available = balances[account][token];
        // one by one: their sum could be too large for a word
        if (amount > available || fee > available - amount) revert InsufficientVault(available, _sum(amount, fee));
        uint256 wanted = amount + fee;
        if (wanted == 0) return;
        if (limited) {
            uint256 allowed = allowances[account][token];
            if (wanted > allowed) revert AllowanceExceeded(allowed, wanted);
            _setAllowance(account, token, allowed - wanted);
        }
        balances[account][token] = available - wanted;
        if (fee != 0) {
            balances[msg.sender][token] += fee;
            emit FeePaid(account, msg.sender, token, fee);
        }
    }

    /// @dev Names an owner.
    /// @param account who is owned
    /// @param owner by whom
    function _setOwner(address account, address owner) private {
        if (owners[account] != address(0)) revert OwnerSet();
        if (owner == address(0) || owner == account) revert BadOwner();
        owners[account] = owner;
        emit OwnerNamed(account, owner);
    }

    /// @dev Replaces an allowance.
    /// @param account whose own key it limits
    /// @param token the token
    /// @param amount what the key may move
    function _setAllowance(address account, address token, uint256 amount) private {
        allowances[account][token] = amount;
        emit AllowanceSet(account, token, amount);
    }

    /// @dev Adds without failing, for error messages.
    /// @param a any number
    /// @param b any number
    /// @return the sum, at most 2^256 - 1
    function _sum(uint256 a, uint256 b) private pure returns (uint256) {
        return a > type(uint256).max - b ? type(uint256).max : a + b;
    }
}
