// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Lanes} from "./Lanes.sol";
import {TokenCalls} from "./Token.sol";

/// @title Into lanes: from the payer's vault, by its call or its order, or as a gift from outside.
/// @notice Read fifth, after Lanes. A lane's deposit rises in `_raised` and nowhere else, after `_fundingFault` has
/// found nothing against it.
abstract contract Funding is Lanes {
    /// @notice One row of `fundLanesWithSig`: the arguments of `fundLaneWithSig`.
    /// @param payer whose vault pays
    /// @param payee who can claim
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param amount what to move
    /// @param window the lane's window class
    /// @param order the payer's order
    struct FundOrder {
        address payer;
        address payee;
        address token;
        uint24 epoch;
        uint96 amount;
        uint8 window;
        Order order;
    }

    /// @dev An order to fund a lane from the payer's vault.
    bytes32 private constant FUND_LANE_TYPEHASH = keccak256(
        "FundLane(address payer,address payee,address token,uint24 epoch,uint96 amount,"
        "uint8 window,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev The widest value of the three 96-bit amounts.
    uint256 private constant MAX_AMOUNT = type(uint96).max;
    /// @dev The window class of lanes that a stranger opens: 24 hours.
    uint256 private constant GIFT_WINDOW = 1;

    /// @notice `amount` moved from the payer's vault into a lane.
    /// @param payer whose vault shrank
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what moved
    /// @param word the lane afterwards
    event LaneFunded(
        address indexed payer, address indexed payee, address indexed token, uint96 amount, uint256 word
    );
    /// @notice Tokens arrived from outside straight in a lane; no vault changed.
    /// @param payer who signs on this lane, and gets the rest when it closes
    /// @param payee who can claim
    /// @param token the token
    /// @param received what arrived
    /// @param word the lane afterwards
    event LaneGifted(
        address indexed payer, address indexed payee, address indexed token, uint96 received, uint256 word
    );

    /// @notice A lane cannot hold more than 2^96 - 1.
    error AmountTooLarge();
    /// @notice The epoch was opened with another window class.
    error WindowFixed();
    /// @notice The lane has been closed 2^24 - 1 times and cannot be funded again.
    error EpochsExhausted();

    /// @notice Moves tokens from the payer's vault into a lane; calls off a pending close. The caller acts for the
    /// payer.
    /// @dev An owner that wants a close to stay sets the allowance of the account's key to zero.
    /// @param payer whose vault pays
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to move
    /// @param window the lane's window class; chosen by the first funding of an epoch, the same afterwards
    function fundLane(address payer, address payee, address token, uint96 amount, uint8 window) external {
        bool limited = _isLimited(payer, msg.sender);
        bytes32 slot = _slot(payer, payee, token);
        _fund(payer, payee, token, amount, window, slot, _load(slot) & ~CLOSE_AT);
        _spend(payer, token, amount, 0, limited);
    }

    /// @notice Funds a lane on an order of somebody who acts for `payer`. Refused while the lane closes.
    /// @param payer whose vault pays
    /// @param payee who can claim
    /// @param token the token
    /// @param epoch the lane's epoch: the order dies with a close
    /// @param amount what to move
    /// @param window the lane's window class
    /// @param order deadline, nonce, fee and signature
    function fundLaneWithSig(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 amount,
        uint8 window,
        Order calldata order
    ) external {
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        if (_epoch(word) != epoch) revert WrongEpoch(_epoch(word));
        // an order signed before the payer decided to leave must not keep it in
        if (_closeAt(word) != 0) revert LaneClosing();
        bool limited = _accept(payer, _fundLaneHash(payer, payee, token, epoch, amount, window, order), order);
        _fund(payer, payee, token, amount, window, slot, word);
        _spend(payer, token, amount, order.fee, limited);
    }

    /// @notice Funds many lanes from one vault; the caller acts for the payer. Skips a row with no payee, no amount,
    /// another window class, a lane that is closing or full or in its last epoch, or more than is left in the vault
    /// or allowed; `LaneFunded` says which rows were carried out.
    /// @param payer whose vault pays
    /// @param token the token
    /// @param rows `(payee 20 | amount 12 | window 1)*`
    /// @return funded how many rows were carried out
    function fundLanes(address payer, address token, bytes calldata rows) external returns (uint256 funded) {
        if (rows.length % 33 != 0) revert Malformed();
        bool limited = _isLimited(payer, msg.sender);
        uint256 left = balances[payer][token];
        if (limited && allowances[payer][token] < left) left = allowances[payer][token];
        uint256 spent;
        for (uint256 row = 0; row < rows.length; row += 33) {
            address payee = address(bytes20(rows[row:row + 20]));
            uint256 amount = uint96(bytes12(rows[row + 20:row + 32]));
            uint256 window = uint8(rows[row + 32]);
            if (amount > left - spent) continue;
            bytes32 slot = _slot(payer, payee, token);
            uint256 word = _load(slot);
            if (_closeAt(word) != 0 || _fundingFault(word, payee, amount, window) != 0) continue;
            _fund(payer, payee, token, amount, window, slot, word);
            spent += amount;
            ++funded;
        }
        if (funded != 0) _spend(payer, token, spent, 0, limited);
    }

    /// @notice Funds many lanes of many payers on their orders. Skips whatever `fundLaneWithSig` would refuse, and
    /// every order of a smart wallet: a row must not be able to run code. `LaneFunded` and `NonceUsed` say which
    /// rows were carried out.
    /// @param rows the orders
    /// @return funded how many rows were carried out
    function fundLanesWithSig(FundOrder[] calldata rows) external returns (uint256 funded) {
        for (uint256 i = 0; i < rows.length; ++i) {
            if (_fundByOrder(rows[i])) ++funded;
        }
    }

    /// @notice Pulls the caller's approved tokens straight into a lane. A gift to the payer: whatever the payee
    /// does not claim goes to the payer's vault when the lane closes.
    /// @dev Refused while the lane closes: a stranger must not be able to call a close off. A stranger does not
    /// choose the window either: an epoch that is opened here gets 24 hours.
    /// @param payer who signs vouchers on the lane
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to pull
    function depositLane(address payer, address payee, address token, uint256 amount)
        external
        guarded
        creditable(payer)
        creditable(payee)
    {
        uint256 before = TokenCalls.balance(token, address(this));
        _pull(msg.sender, token, amount);
        uint256 received = _received(token, before);
        // the lane is read after the call, in which a token may run code that changes it
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        if (_closeAt(word) != 0) revert LaneClosing();
        uint256 window = _deposit(word) == 0 ? GIFT_WINDOW : _window(word);
        _insist(_fundingFault(word, payee, received, window));
        word = _raised(word, received, window);
        _store(slot, word);
        emit LaneGifted(payer, payee, token, uint96(received), word);
    }

    /// @dev Carries out one order of a batch, or leaves everything as it is.
    /// @param row the order
    /// @return whether it was carried out
    function _fundByOrder(FundOrder calldata row) private returns (bool) {
        Order calldata order = row.order;
        (address payer, address token, uint256 amount) = (row.payer, row.token, row.amount);
        bytes32 slot = _slot(payer, row.payee, token);
        uint256 word = _load(slot);
        if (_epoch(word) != row.epoch || _closeAt(word) != 0 || block.timestamp > order.deadline) return false;
        if (_fundingFault(word, row.payee, amount, row.window) != 0) return false;
        uint256 wanted = amount + order.fee;
        if (wanted > balances[payer][token]) return false;
        bytes32 structHash =
            _fundLaneHash(payer, row.payee, token, row.epoch, row.amount, row.window, order);
        address signer = _keySigner(payer, _digest(structHash), order);
        if (signer == address(0) || nonceUsed(signer, order.nonce)) return false;
        bool limited = _isLimited(payer, signer);
        if (limited && wanted > allowances[payer][token]) return false;
        _useNonce(signer, order.nonce);
        _fund(payer, row.payee, token, amount, row.window, slot, word);
        _spend(payer, token, amount, order.fee, limited);
        return true;
    }

    /// @dev Puts into a lane what the caller of this function takes from the payer's vault.
    /// @param payer whose vault
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to move
    /// @param window the window class
    /// @param slot where the lane lives
    /// @param word the lane before, not closing
    function _fund(
        address payer,
        address payee,
        address token,
        uint256 amount,
        uint256 window,
        bytes32 slot,
        uint256 word
    ) private {
        _insist(_fundingFault(word, payee, amount, window));
        word = _raised(word, amount, window);
        _store(slot, word);
        emit LaneFunded(payer, payee, token, uint96(amount), word);
    }

    /// @dev What speaks against funding a lane, apart from the vault and a pending close. The one rule for all ways
    /// to fund: some insist on it and others skip the row.
    /// @param word the lane
    /// @param payee who can claim
    /// @param amount what to move
    /// @param window the window class
    /// @return the selector of an error without arguments; 0 when nothing does
    function _fundingFault(uint256 word, address payee, uint256 amount, uint256 window) private pure returns (bytes4) {
        if (payee == address(0)) return BadReceiver.selector;
        if (amount == 0) return ZeroAmount.selector;
        if (window > 3) return BadWindow.selector;
        // the last epoch stays empty: raising it once more would wrap to 0 and revive old vouchers
        if (_epoch(word) == type(uint24).max) return EpochsExhausted.selector;
        if (_deposit(word) != 0 && _window(word) != window) return WindowFixed.selector;
        if (amount > MAX_AMOUNT - _deposit(word)) return AmountTooLarge.selector;
        return 0;
    }

    /// @dev Reverts with an error without arguments.
    /// @param fault its selector; 0 for none
    function _insist(bytes4 fault) private pure {
        if (fault == 0) return;
        assembly ("memory-safe") {
            mstore(0, fault)
            revert(0, 4)
        }
    }

    /// @dev A lane word with a higher deposit, after `_fundingFault` found nothing.
    /// @param word the lane; an unopened epoch has no bits but its epoch
    /// @param amount by how much
    /// @param window the window class: set by the first funding, and the same as before in any other
    /// @return the lane afterwards
    function _raised(uint256 word, uint256 amount, uint256 window) private pure returns (uint256) {
        return (word | window << 224) + (amount << 96);
    }

    /// @dev The struct of an order to fund a lane.
    /// @param payer whose vault pays
    /// @param payee who can claim
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param amount what to move
    /// @param window the window class
    /// @param order deadline, nonce and fee
    /// @return EIP-712 struct hash
    function _fundLaneHash(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 amount,
        uint8 window,
        Order calldata order
    ) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                FUND_LANE_TYPEHASH,
                payer,
                payee,
                token,
                epoch,
                amount,
                window,
                order.deadline,
                order.nonce,
                order.fee
            )
        );
    }
}
