// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Claims} from "./Claims.sol";

/// @title The end of an epoch: after a challenge window, or at once by consent.
/// @notice Read last, after Claims. An epoch rises in `_close` and nowhere else.
abstract contract Closing is Claims {
    /// @dev An order to start closing a lane.
    bytes32 private constant REQUEST_CLOSE_TYPEHASH = keccak256(
        "RequestClose(address payer,address payee,address token,uint24 epoch,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev The payee's consent to close a lane at once, with this final total.
    bytes32 private constant COOP_CLOSE_TYPEHASH = keccak256(
        "CoopClose(address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline)"
    );

    /// @notice A lane is to be closed.
    /// @param payer for whom it was asked
    /// @param payee who has until `closeAt` to claim
    /// @param token the token
    /// @param word the lane afterwards
    event CloseRequested(address indexed payer, address indexed payee, address indexed token, uint256 word);
    /// @notice A lane was closed and opens again, empty, in the next epoch.
    /// @param payer whose vault grew by `refunded`
    /// @param payee whose vault grew by `credited`
    /// @param token the token
    /// @param credited what the close itself settled; 0 after a challenge window
    /// @param refunded what was left
    /// @param word the lane afterwards
    event LaneClosed(
        address indexed payer,
        address indexed payee,
        address indexed token,
        uint96 credited,
        uint96 refunded,
        uint256 word
    );

    /// @notice The lane has nothing left to give back.
    error LaneEmpty();
    /// @notice Nobody has asked to close this lane.
    error CloseNotRequested();
    /// @notice The challenge window is still open.
    /// @param closeAt when it ends, in unix seconds
    error TooEarly(uint256 closeAt);
    /// @notice The end of the window does not fit 32 bits: the year is 2106. Lanes still close by consent.
    error ClockOverflow();
    /// @notice The final amount is below what is settled already, above the deposit, or above what was vouched.
    error FinalAmountOutOfRange();

    /// @notice Starts closing a lane: after the challenge window the payer gets back what is not claimed. The caller
    /// acts for the payer.
    /// @dev The account's own key may do so where the lane's rest is within its allowance. The allowance stays as it
    /// is, since the rest goes nowhere but to the account's own vault.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    function requestClose(address payer, address payee, address token) external {
        _requestClose(payer, payee, token, _isLimited(payer, msg.sender));
    }

    /// @notice Starts closing a lane on an order of somebody who acts for `payer`.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param order deadline, nonce, fee and signature; the lane's rest and the fee each have to be within the
    /// allowance where the account's own key has signed
    function requestCloseWithSig(address payer, address payee, address token, uint24 epoch, Order calldata order)
        external
    {
        uint24 current = _epoch(_load(_slot(payer, payee, token)));
        if (current != epoch) revert WrongEpoch(current);
        bytes32 structHash = keccak256(
            abi.encode(REQUEST_CLOSE_TYPEHASH, payer, payee, token, epoch, order.deadline, order.nonce, order.fee)
        );
        bool limited = _accept(payer, structHash, order);
        _requestClose(payer, payee, token, limited);
        _spend(payer, token, 0, order.fee, limited);
    }

    /// @notice Closes a lane whose challenge window is over. Anyone may call it; the rest goes to the payer.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    function finalizeClose(address payer, address payee, address token) external {
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        uint256 closeAt = _closeAt(word);
        if (closeAt == 0) revert CloseNotRequested();
        if (block.timestamp < closeAt) revert TooEarly(closeAt);
        _close(payer, payee, token, slot, word, _settled(word));
    }

    /// @notice Closes a lane at once: pays `finalAmount` in total to the payee and the rest back to the payer.
    ///
    /// Why nobody can take or burn the other's money with it. Write S for what is settled, D for the deposit.
    /// 1. The payee loses vouchers above `finalAmount`, so the payee must agree: it is the caller, or signed
    ///    CoopClose for exactly this lane, epoch and amount.
    /// 2. The payer loses `finalAmount - S`, so when that is positive the payer must agree: the caller acts for it
    ///    without limit, or it signed a voucher of this epoch for `vouched >= finalAmount`, which the payee could
    ///    have claimed anyway. When it is zero the payer loses nothing, and needs not be asked.
    /// 3. `S <= finalAmount <= D`, so both credits are at least zero and sum to `D - S`, what the lane held.
    /// 4. The epoch rises, so neither signature can be used again, on this lane or (both name it) another.
    /// A payee that has signed must take no voucher above `finalAmount` in this epoch until the deadline is over.
    /// Like a voucher, the consent is the word of the payee's own key or wallet: its owner is not asked, and cannot
    /// give it.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param finalAmount all that the payee gets from this epoch, including what is settled
    /// @param vouched the cumulative of the payer's voucher; ignored where rule 2 does not ask for one
    /// @param payerSignature the payer's Voucher, 65 bytes, or a smart wallet's WalletVoucher; ignored where rule 2
    /// does not ask for one
    /// @param deadline last second at which the payee's consent is valid; ignored when the payee is the caller
    /// @param payeeSignature the payee's CoopClose, by key or by smart wallet; ignored when the payee is the caller
    function coopClose(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 finalAmount,
        uint96 vouched,
        bytes calldata payerSignature,
        uint256 deadline,
        bytes calldata payeeSignature
    ) external {
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        if (_epoch(word) != epoch) revert WrongEpoch(_epoch(word));
        if (finalAmount < _settled(word) || finalAmount > _deposit(word)) revert FinalAmountOutOfRange();
        if (_deposit(word) == 0) revert LaneEmpty();
        if (msg.sender != payee) {
            if (block.timestamp > deadline) revert Expired();
            _verifyConsent(payer, payee, token, epoch, finalAmount, deadline, payeeSignature);
        }
        if (finalAmount > _settled(word) && !_isUnlimited(payer, msg.sender)) {
            if (vouched < finalAmount) revert FinalAmountOutOfRange();
            _verifyVoucher(payer, payee, token, epoch, vouched, payerSignature);
        }
        _close(payer, payee, token, slot, word, finalAmount);
    }

    /// @dev Sets `closeAt`.
    /// @param payer for whom it was asked
    /// @param payee the other end of the lane
    /// @param token the token
    /// @param limited whether the rest has to be within the payer's allowance
    function _requestClose(address payer, address payee, address token, bool limited) private {
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        if (_closeAt(word) != 0) revert LaneClosing();
        uint256 rest = _deposit(word) - _settled(word);
        if (rest == 0) revert LaneEmpty();
        if (limited && rest > allowances[payer][token]) revert AllowanceExceeded(allowances[payer][token], rest);
        uint256 closeAt = block.timestamp + windowSeconds(_window(word));
        if (closeAt > type(uint32).max) revert ClockOverflow();
        word |= closeAt << 192;
        _store(slot, word);
        emit CloseRequested(payer, payee, token, word);
    }

    /// @dev Settles up to `finalAmount`, refunds the rest and raises the epoch. The word stays non-zero, so
    /// opening the lane again costs 5,000 gas and not 22,100.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    /// @param slot where the lane lives
    /// @param word the lane before
    /// @param finalAmount between `settled` and `deposit`
    function _close(address payer, address payee, address token, bytes32 slot, uint256 word, uint96 finalAmount)
        private
    {
        uint96 credited = finalAmount - _settled(word);
        uint96 refunded = _deposit(word) - finalAmount;
        // a lane in the last epoch cannot be funded, so it is never closed and this does not wrap
        uint256 closed = (uint256(_epoch(word)) + 1) << 232;
        _store(slot, closed);
        if (credited != 0) balances[payee][token] += credited;
        if (refunded != 0) balances[payer][token] += refunded;
        emit LaneClosed(payer, payee, token, credited, refunded, closed);
    }

    /// @dev Reverts unless the payee, by key or as a smart wallet, agreed to close a lane.
    /// @param payer one end of the lane
    /// @param payee the other, who must have signed
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param finalAmount all that the payee gets
    /// @param deadline last second at which the consent is valid
    /// @param signature the payee's
    function _verifyConsent(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 finalAmount,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        bytes32 digest =
            _digest(keccak256(abi.encode(COOP_CLOSE_TYPEHASH, payer, payee, token, epoch, finalAmount, deadline)));
        address signer = _recover(digest, signature);
        if (signer != address(0) && signer == payee) return;
        if (!_isWalletSignature(payee, digest, signature)) revert BadSignature();
    }
}
