// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Accounts} from "./Accounts.sol";
import {DepositAddress} from "./DepositAddress.sol";
import {IToken, TokenCalls} from "./Token.sol";

/// @title Tokens into and out of vaults: every call to a token but those of `depositLane`.
/// @notice Read third, after Accounts. What a vault is credited with is what this contract's balance has grown by
/// over one token call, and `guarded` keeps every other such measurement out of that call.
abstract contract Transfers is Accounts {
    /// @dev An order to pay tokens out of a vault.
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(address account,address token,uint256 amount,address to,uint256 deadline,uint256 nonce,uint96 fee)"
    );

    /// @dev keccak256 of what creates a deposit address.
    bytes32 private immutable childHash;

    /// @dev True while a function that calls a token runs. Transient: clear again after the transaction.
    bool private transient entered;

    /// @notice Tokens arrived in an account's vault.
    /// @param account whose vault grew
    /// @param token the token
    /// @param received what arrived, which is less than what was sent when the token takes a fee
    event Deposited(address indexed account, address indexed token, uint256 received);
    /// @notice Tokens left an account's vault and this contract.
    /// @param account whose vault shrank
    /// @param token the token
    /// @param to the receiver
    /// @param amount what was sent
    event Withdrawn(address indexed account, address indexed token, address indexed to, uint256 amount);

    /// @notice A function that calls a token was entered while another one ran.
    error Reentered();
    /// @notice The call succeeded but no token arrived.
    error NothingReceived();
    /// @notice The token did not take the permit, or took it without counting it.
    error PermitFailed();
    /// @notice Zero cannot receive, and neither can this contract where tokens leave it.
    error BadReceiver();
    /// @notice The amount is zero.
    error ZeroAmount();

    /// @dev Lets one token-calling function run at a time, so that balance differences mean what they say.
    modifier guarded() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    /// @dev Nothing may be credited to account 0.
    /// @param account who is to be credited
    modifier creditable(address account) {
        if (account == address(0)) revert BadReceiver();
        _;
    }

    /// @notice Takes no arguments: all deposit addresses are created by the same code.
    constructor() {
        childHash = keccak256(type(DepositAddress).creationCode);
    }

    /// @notice Pulls the caller's approved tokens into `account`'s vault; credits what really arrives.
    /// @param account who may spend them afterwards
    /// @param token the token
    /// @param amount what to pull
    function deposit(address account, address token, uint256 amount) external guarded creditable(account) {
        uint256 before = TokenCalls.balance(token, address(this));
        _pull(msg.sender, token, amount);
        _credit(account, token, _received(token, before));
    }

    /// @notice Takes tokens by the authorization that `from` signed (EIP-3009) into `account`'s vault. Anyone may
    /// bring it.
    /// @dev The authorization can be used by this contract only, since `receiveWithAuthorization` wants its receiver
    /// to be the caller, and here for this account only, since its nonce is the hash of account and salt.
    /// @param account who may spend the tokens afterwards
    /// @param token the token
    /// @param from who signed
    /// @param amount the authorization's value
    /// @param validAfter the authorization is valid after this second
    /// @param validBefore and before this one
    /// @param salt any 32 bytes; the authorization's nonce is keccak256(abi.encode(account, salt))
    /// @param signature 65 bytes, r | s | v, go to the token as v, r, s; any other length goes as it is
    function depositWithAuthorization(
        address account,
        address token,
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 salt,
        bytes calldata signature
    ) external guarded creditable(account) {
        uint256 before = TokenCalls.balance(token, address(this));
        bytes32 nonce = keccak256(abi.encode(account, salt));
        TokenCalls.order(token, _authorization(from, amount, validAfter, validBefore, nonce, signature));
        _credit(account, token, _received(token, before));
    }

    /// @notice Pulls tokens by a permit (EIP-2612) into the vault of `from`, who signed it. Anyone may bring it.
    /// @dev A stranger's call must not move an allowance that `from` has given for another purpose. So the permit has
    /// to succeed, and to be counted: a token without permits may have a fallback that succeeds. `from` itself may
    /// move its allowance as it likes; its call goes on when the permit fails, because a stranger may have brought
    /// the permit first, to the token itself.
    /// @param from who signed, and whose vault is credited
    /// @param token the token
    /// @param amount the permit's value
    /// @param deadline last second at which the permit is valid
    /// @param v recovery id, 27 or 28
    /// @param r first half of the permit's signature
    /// @param s second half of the permit's signature
    function depositWithPermit(
        address from,
        address token,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external guarded creditable(from) {
        bytes memory count = abi.encodeCall(IToken.nonces, (from));
        (bool counts, uint256 nonce) = TokenCalls.ask(token, count);
        (bool ok,) = token.call(abi.encodeCall(IToken.permit, (from, address(this), amount, deadline, v, r, s)));
        (bool counted, uint256 next) = TokenCalls.ask(token, count);
        if (msg.sender != from && !(ok && counts && counted && next > nonce && next - nonce == 1)) {
            revert PermitFailed();
        }
        uint256 before = TokenCalls.balance(token, address(this));
        _pull(from, token, amount);
        _credit(from, token, _received(token, before));
    }

    /// @notice Moves the tokens that were sent to `account`'s deposit address into its vault. Anyone may call it.
    /// @dev The deposit address is created by the first sweep; only this contract can create anything there.
    /// @param account whose deposit address
    /// @param token the token
    function sweep(address account, address token) external guarded creditable(account) {
        address from = depositAddress(account);
        uint256 amount = TokenCalls.balance(token, from);
        if (amount == 0) revert NothingReceived();
        if (from.code.length == 0) new DepositAddress{salt: bytes32(uint256(uint160(account)))}();
        uint256 before = TokenCalls.balance(token, address(this));
        DepositAddress(from).collect(token, amount);
        _credit(account, token, _received(token, before));
    }

    /// @notice Sends tokens from a vault. The caller acts for the account.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what leaves the vault; the receiver gets less when the token takes a fee
    /// @param to the receiver
    function withdraw(address account, address token, uint256 amount, address to) external guarded {
        bool limited = _isLimited(account, msg.sender);
        _withdraw(account, token, amount, to, 0, limited);
    }

    /// @notice Carries out a withdrawal that somebody who acts for `account` signed; the sender pays the gas.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what leaves the vault for `to`
    /// @param to the receiver
    /// @param order deadline, nonce, fee and signature
    function withdrawWithSig(address account, address token, uint256 amount, address to, Order calldata order)
        external
        guarded
    {
        bytes32 structHash = keccak256(
            abi.encode(WITHDRAW_TYPEHASH, account, token, amount, to, order.deadline, order.nonce, order.fee)
        );
        _withdraw(account, token, amount, to, order.fee, _accept(account, structHash, order));
    }

    /// @notice Where plain transfers for an account can be sent. Tokens that arrive there belong to the account once
    /// somebody calls `sweep`; nobody can move them elsewhere. The chain's own coins would be lost there.
    /// @param account who is to be credited
    /// @return the address, the same before and after the first sweep (EIP-1014)
    function depositAddress(address account) public view returns (address) {
        bytes32 salt = bytes32(uint256(uint160(account)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, childHash)))));
    }

    /// @dev Pulls approved tokens.
    /// @param from the caller, or who signed a permit for exactly this amount
    /// @param token the token
    /// @param amount what to pull
    function _pull(address from, address token, uint256 amount) internal {
        TokenCalls.order(token, abi.encodeCall(IToken.transferFrom, (from, address(this), amount)));
    }

    /// @dev Measures what a call brought.
    /// @param token the token
    /// @param before this contract's balance before the call
    /// @return received the growth of this contract's balance, above zero
    function _received(address token, uint256 before) internal view returns (uint256 received) {
        uint256 present = TokenCalls.balance(token, address(this));
        if (present <= before) revert NothingReceived();
        unchecked {
            received = present - before;
        }
    }

    /// @dev Raises a vault by what has arrived. Only called within `guarded` and `creditable`.
    /// @param account whose vault
    /// @param token the token
    /// @param received by how much
    function _credit(address account, address token, uint256 received) private {
        balances[account][token] += received;
        emit Deposited(account, token, received);
    }

    /// @dev Takes from a vault, then sends.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what to send
    /// @param to the receiver
    /// @param fee what the sender of the transaction gets
    /// @param limited whether the allowance counts
    function _withdraw(address account, address token, uint256 amount, address to, uint96 fee, bool limited) private {
        // tokens sent to this contract itself would be credited to nobody
        if (to == address(0) || to == address(this)) revert BadReceiver();
        if (amount == 0) revert ZeroAmount();
        _spend(account, token, amount, fee, limited);
        emit Withdrawn(account, token, to, amount);
        TokenCalls.order(token, abi.encodeCall(IToken.transfer, (to, amount)));
    }

    /// @dev The call of `receiveWithAuthorization` for this contract.
    /// @param from who signed
    /// @param amount the value
    /// @param validAfter valid after this second
    /// @param validBefore and before this one
    /// @param nonce the authorization's nonce
    /// @param signature 65 bytes, r | s | v, or anything else
    /// @return the call with v, r, s, or with the bytes as they are
    function _authorization(
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) private view returns (bytes memory) {
        if (signature.length != 65) {
            return abi.encodeWithSignature(
                "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
                from,
                address(this),
                amount,
                validAfter,
                validBefore,
                nonce,
                signature
            );
        }
        return abi.encodeWithSignature(
            "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
            from,
            address(this),
            amount,
            validAfter,
            validBefore,
            nonce,
            uint8(signature[64]),
            bytes32(signature[:32]),
            bytes32(signature[32:64])
        );
    }
}
