// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Funding} from "./Funding.sol";

/// @title From lanes to payees, by vouchers.
/// @notice Read sixth, after Funding. Outside a cooperative close a lane's `settled` rises here and nowhere else: by
/// vouchers of keys in `_claimGroup`, by the voucher of a smart wallet in `claimWallet`. Neither calls a token, nor
/// reads owner or allowance.
abstract contract Claims is Funding {
    /// @dev A voucher. The payer is whoever signed it, and that selects the lane.
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");
    /// @dev A smart wallet's voucher. It names the wallet: a key that signs for itself and for a wallet must not
    /// pay on both lanes by one signature.
    bytes32 private constant WALLET_VOUCHER_TYPEHASH =
        keccak256("WalletVoucher(address payer,address payee,address token,uint24 epoch,uint96 cumulative)");

    /// @notice Vouchers were claimed and the payee's vault grew by `credited`.
    /// @param payee whose vault grew
    /// @param token the token
    /// @param credited the sum over all rows of what each added
    /// @param rows one per lane claimed: payer (upper 20 bytes) | `settled` afterwards (lower 12 bytes)
    event Claimed(address indexed payee, address indexed token, uint256 credited, bytes32[] rows);

    /// @notice The voucher adds nothing to what is settled.
    error NothingToClaim();

    /// @notice Claims many vouchers of one token. Anyone may call it: a voucher pays its payee, whoever brings it.
    /// Rows that add nothing (bad signature, wrong epoch, old, empty lane) are skipped; a voucher above the
    /// deposit is paid as far as the deposit goes and can be brought again after a top-up. Never calls the token.
    /// @param batch `token 20 | (payee 20 | n 2 | n * (epoch 3 | cumulative 12 | r 32 | vs 32))*`, big-endian, where
    /// `vs` is s with the parity of the signature in its highest bit (EIP-2098). Group by payee: each group
    /// costs one vault update and one event.
    function claimBatch(bytes calldata batch) external {
        if (batch.length < 20) revert Malformed();
        bytes32 separator = DOMAIN_SEPARATOR();
        address token;
        uint256 cursor;
        uint256 end;
        assembly ("memory-safe") {
            token := shr(96, calldataload(batch.offset))
            cursor := add(batch.offset, 20)
            end := add(batch.offset, batch.length)
        }
        while (cursor < end) cursor = _claimGroup(cursor, end, token, separator);
    }

    /// @notice Claims the voucher of a smart wallet (EIP-1271). Anyone may call it. Not part of a batch, because the
    /// wallet's code runs, which may fail or use up the gas.
    /// @param payer the wallet
    /// @param payee whose vault is credited
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param cumulative the total vouched; paid as far as the deposit goes
    /// @param signature what the wallet accepts for the WalletVoucher
    function claimWallet(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 cumulative,
        bytes calldata signature
    ) external {
        bytes32 slot = _slot(payer, payee, token);
        uint256 word = _load(slot);
        if (_epoch(word) != epoch) revert WrongEpoch(_epoch(word));
        uint96 total = cumulative < _deposit(word) ? cumulative : _deposit(word);
        uint96 settled = _settled(word);
        if (total <= settled) revert NothingToClaim();
        bytes32 digest = _digest(_walletVoucherHash(payer, payee, token, epoch, cumulative));
        if (!_isWalletSignature(payer, digest, signature)) revert BadSignature();
        uint256 credited = total - settled;
        _store(slot, word + credited);
        balances[payee][token] += credited;
        bytes32[] memory rows = new bytes32[](1);
        rows[0] = bytes32(uint256(uint160(payer)) << 96 | total);
        emit Claimed(payee, token, credited, rows);
    }

    /// @dev Reverts unless the payer signed a voucher: a Voucher by key, or a WalletVoucher as a smart wallet.
    /// @param payer who must have signed
    /// @param payee the voucher's payee
    /// @param token the voucher's token
    /// @param epoch the voucher's epoch
    /// @param vouched the voucher's cumulative
    /// @param signature the payer's
    function _verifyVoucher(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 vouched,
        bytes calldata signature
    ) internal view {
        bytes32 digest = _digest(keccak256(abi.encode(VOUCHER_TYPEHASH, payee, token, epoch, vouched)));
        address signer = _recover(digest, signature);
        if (signer != address(0) && signer == payer) return;
        digest = _digest(_walletVoucherHash(payer, payee, token, epoch, vouched));
        if (!_isWalletSignature(payer, digest, signature)) revert BadSignature();
    }

    /// @dev The struct of a smart wallet's voucher.
    /// @param payer the wallet
    /// @param payee who can claim
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param cumulative the total vouched
    /// @return EIP-712 struct hash
    function _walletVoucherHash(address payer, address payee, address token, uint24 epoch, uint96 cumulative)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(WALLET_VOUCHER_TYPEHASH, payer, payee, token, epoch, cumulative));
    }

    /// @dev Claims one payee's rows of a batch.
    ///
    /// Nothing compares a voucher's s with half the order of the curve. `vs` has 255 bits for it, which the higher of
    /// the two signatures of a voucher hardly ever fits; where it does, both recover the same payer, and a voucher
    /// that has been claimed adds nothing, by whichever of them it is brought again.
    ///
    /// A signature that recovers nobody leaves the payer 0, because that word is cleared before each call. Lanes of
    /// payer 0 hold nothing (see LaneVault), so `total` is cut to 0 there and the row adds nothing.
    ///
    /// Memory is addressed absolutely from 0x200, which costs less than adding to the free pointer. This is
    /// memory-safe as long as the free pointer is not above 0x200, which is checked: then all of it lies after the
    /// free pointer, where assembly may work as it likes. It ends within the one block of assembly.
    ///   0x200  voucher struct: type hash, payee, token, epoch, cumulative
    ///   0x2a0  0x1901, 0x2a2 separator, 0x2c2 struct hash (66 bytes in all)
    ///   0x300  input of ecrecover: digest, v, r, s
    ///   0x380  payer, as ecrecover returns it; 0x3a0 payee, token (20 bytes each). The key is 0x38c..0x3c8
    ///   0x400  event: credited, offset of rows (0x40), count, rows
    /// @param cursor offset in calldata of the group
    /// @param end offset in calldata where the batch ends
    /// @param token the token
    /// @param separator the EIP-712 domain separator
    /// @return next offset in calldata of the next group
    function _claimGroup(uint256 cursor, uint256 end, address token, bytes32 separator) private returns (uint256 next) {
        uint256 payee;
        uint256 credited;
        bytes32 voucherType = VOUCHER_TYPEHASH;
        bytes32 topic = Claimed.selector;
        assembly ("memory-safe") {
            let head := calldataload(cursor)
            payee := shr(96, head)
            cursor := add(cursor, 22)
            next := add(cursor, mul(79, and(shr(80, head), 0xffff)))
        }
        if (next > end) revert Malformed();
        assembly ("memory-safe") {
            if gt(mload(0x40), 0x200) { invalid() }
            mstore(0x200, voucherType)
            mstore(0x220, payee)
            mstore(0x240, token)
            mstore(0x2a0, hex"1901")
            mstore(0x2a2, separator)
            mstore(0x3a0, shl(96, payee))
            mstore(0x3b4, shl(96, token))
            let row := 0x460
            for {} lt(cursor, next) { cursor := add(cursor, 79) } {
                let head := calldataload(cursor)
                let epoch := shr(232, head)
                let total := and(shr(136, head), 0xffffffffffffffffffffffff)
                mstore(0x260, epoch)
                mstore(0x280, total)
                mstore(0x2c2, keccak256(0x200, 0xa0))
                mstore(0x300, keccak256(0x2a0, 0x42))
                let vs := calldataload(add(cursor, 47))
                mstore(0x320, add(27, shr(255, vs)))
                mstore(0x340, calldataload(add(cursor, 15)))
                mstore(0x360, shr(1, shl(1, vs)))
                mstore(0x380, 0)
                pop(staticcall(gas(), 1, 0x300, 0x80, 0x380, 0x20))
                let slot := keccak256(0x38c, 0x3c)
                let word := sload(slot)
                let settled := and(word, 0xffffffffffffffffffffffff)
                let held := and(shr(96, word), 0xffffffffffffffffffffffff)
                if gt(total, held) { total := held }
                if and(eq(shr(232, word), epoch), gt(total, settled)) {
                    let more := sub(total, settled)
                    sstore(slot, add(word, more))
                    credited := add(credited, more)
                    mstore(row, or(shl(96, mload(0x380)), total))
                    row := add(row, 0x20)
                }
            }
            if credited {
                mstore(0x400, credited)
                mstore(0x420, 0x40)
                mstore(0x440, shr(5, sub(row, 0x460)))
                log3(0x400, sub(row, 0x400), topic, payee, token)
            }
        }
        if (credited != 0) balances[address(uint160(payee))][token] += credited;
    }
}
