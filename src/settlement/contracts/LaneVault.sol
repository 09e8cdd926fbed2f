// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Closing} from "./Closing.sol";

/// @title Vaults and one-way payment lanes, claimed in packed batches.
/// @notice An account deposits a token once into its *vault*. From there it funds *lanes*, one per payee. The
/// payer signs vouchers off chain, each for the total paid so far on that lane; anyone may bring the newest one
/// here, and what it adds is credited to the payee's vault. Nobody administers this contract, nothing in it can be
/// upgraded, and as its constructor takes no arguments every vault of this code is alike.
///
/// Read the files in this order. Each is an abstract contract that inherits the one before and calls nothing of
/// the ones after; this contract, which inherits them all, only adds views.
///   Signatures.sol  the EIP-712 domain; signatures of keys (ECDSA) and of smart wallets (EIP-1271)
///   Accounts.sol    vaults, owners, allowances, nonces; orders; `_spend`, where alone a vault falls
///   Transfers.sol   tokens into vaults and out of them; Token.sol calls the token, and DepositAddress.sol is what
///                   stands at an account's deposit address
///   Lanes.sol       the lane word, where it lives, and its window
///   Funding.sol     into lanes: from a vault by call, order or batch, or as a gift
///   Claims.sol      vouchers: from lanes into payees' vaults
///   Closing.sol     challenge windows and cooperative closes: the end of an epoch
///
/// A lane counts what was paid in (`deposit`) and what has been claimed (`settled`) in its present epoch. Closing it
/// raises the epoch, which voids every voucher of the epoch before. How long a payee can still claim after the payer
/// has asked to close, the window, is chosen by the first funding of an epoch and stays: a payee that has once judged
/// it long enough need not look again.
///
/// Who acts for an account: the account itself, until it has named an owner, which it can do once. From then on
/// the owner acts without limit, and the account's own key only within the allowance that the owner has set. This
/// lets a device carry a key that signs vouchers and cannot empty the vault. Claims never read owner or allowance.
///
/// Why nobody can take or burn the money of another:
/// 1. A vault falls only by `_spend`: in a withdrawal, in funding a lane, or by an order's fee. Each of these was
///    asked for by whoever acts for the account, as the sender or by an order that names all of it.
/// 2. A lane's `settled` rises only by a voucher that its payer signed for this payee, token and epoch, or by a
///    cooperative close (see `coopClose`). What it rises by is credited to the payee, and it never passes `deposit`.
/// 3. A lane's epoch rises only in `_close`, which credits `deposit - settled` in the same step.
/// 4. Deposits credit what the vault's balance has grown by, one token call at a time, to an account that the
///    owner of those tokens has named.
/// 5. Vouchers die only with an epoch, and an epoch ends only after the window that the payee knows, or with the
///    payee's consent.
///
/// All of it can be rebuilt from events: each says either the new value or the exact change.
/// @dev What holds for every token that never takes more from the sender than `amount` and never lowers a
/// balance by itself: `balanceOf(this) >= sum of vaults + sum of (deposit - settled)`. A token that breaks this
/// harms the holders of that token only, since every balance is keyed by token. Claiming never calls the token,
/// so a paused token or a blocked payee cannot make a payee miss the challenge window.
///
/// Account 0 holds nothing and acts for nobody: no signature recovers to it, it cannot send, and every deposit
/// refuses it. So no lane of payer 0 ever has a deposit, which `_claimGroup` builds on.
contract LaneVault is Closing {
    /// @notice What an account may withdraw or put into lanes.
    /// @param account the account
    /// @param token the token
    /// @return atomic units
    function vault(address account, address token) external view returns (uint256) {
        return balances[account][token];
    }

    /// @notice Many vaults at one block.
    /// @param keys `(account 20 | token 20)*`
    /// @return amounts atomic units, in the same order
    function vaults(bytes calldata keys) external view returns (uint256[] memory amounts) {
        if (keys.length % 40 != 0) revert Malformed();
        amounts = new uint256[](keys.length / 40);
        for (uint256 i = 0; i < amounts.length; ++i) {
            bytes calldata key = keys[40 * i:40 * i + 40];
            amounts[i] = balances[address(bytes20(key[:20]))][address(bytes20(key[20:]))];
        }
    }

    /// @notice Who acts for an account without limit.
    /// @param account the account
    /// @return its owner; 0 while it acts for itself
    function ownerOf(address account) external view returns (address) {
        return owners[account];
    }

    /// @notice What an account's own key may still move, once the account has an owner.
    /// @param account the account
    /// @param token the token
    /// @return atomic units
    function allowance(address account, address token) external view returns (uint256) {
        return allowances[account][token];
    }

    /// @notice One lane, unpacked. A lane that never existed is all zero.
    /// @param payer one end
    /// @param payee the other
    /// @param token the token
    /// @return settled claimed so far in this epoch
    /// @return deposited paid in so far in this epoch
    /// @return closeAt when the rest can be taken back, in unix seconds; 0 while open
    /// @return window the window class; means nothing while `deposited` is 0
    /// @return epoch how often the lane has been closed
    function lane(address payer, address payee, address token)
        external
        view
        returns (uint96 settled, uint96 deposited, uint32 closeAt, uint8 window, uint24 epoch)
    {
        uint256 word = _load(_slot(payer, payee, token));
        return (_settled(word), _deposit(word), _closeAt(word), _window(word), _epoch(word));
    }

    /// @notice Many lanes at one block.
    /// @param keys `(payer 20 | payee 20 | token 20)*`
    /// @return words the lane words, in the same order
    function lanes(bytes calldata keys) external view returns (uint256[] memory words) {
        if (keys.length % 60 != 0) revert Malformed();
        words = new uint256[](keys.length / 60);
        for (uint256 i = 0; i < words.length; ++i) {
            words[i] = _load(keccak256(keys[60 * i:60 * i + 60]));
        }
    }
}
