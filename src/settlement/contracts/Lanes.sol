// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Transfers} from "./Transfers.sol";

/// @title What a lane is: one word, the slot where it lives, and its window.
/// @notice Read fourth, after Transfers. Funding, Claims and Closing, in this order, are all that write lanes.
///
/// A lane is one word: `settled` (bits 0..95) | `deposit` (96..191) | `closeAt` (192..223, unix seconds, 0 while
/// open) | `window` (224..231) | `epoch` (232..255). Always `settled <= deposit`. The window class (0: 1 h, 1: 24 h,
/// 2: 72 h, 3: 7 d) means nothing while `deposit` is 0.
///
/// Why a write to a lane touches no other storage: a lane's slot is keccak256 of 60 bytes and a mapping's is
/// keccak256 of 64, so two of them are equal only where keccak256 collides; the mappings' own slots are below 4.
abstract contract Lanes is Transfers {
    /// @dev Bits 192..223 of a lane word.
    uint256 internal constant CLOSE_AT = uint256(type(uint32).max) << 192;

    /// @notice There is no such window class.
    error BadWindow();
    /// @notice The lane is closing, and only who acts for the payer may call that off, as the sender.
    error LaneClosing();
    /// @notice The signature names another epoch.
    /// @param current the lane's epoch
    error WrongEpoch(uint24 current);
    /// @notice The packed bytes end within a record.
    error Malformed();

    /// @notice How long a lane of a window class can still be claimed after its close was requested.
    /// @param class 0..3
    /// @return seconds
    function windowSeconds(uint256 class) public pure returns (uint256) {
        if (class == 0) return 1 hours;
        if (class == 1) return 24 hours;
        if (class == 2) return 72 hours;
        if (class == 3) return 7 days;
        revert BadWindow();
    }

    /// @dev Where a lane lives: `_claimGroup` computes the same.
    /// @param payer one end
    /// @param payee the other
    /// @param token the token
    /// @return keccak256 of the three, 20 bytes each
    function _slot(address payer, address payee, address token) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(payer, payee, token));
    }

    /// @dev Reads a lane.
    /// @param slot where it lives
    /// @return word the lane
    function _load(bytes32 slot) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    /// @dev Writes a lane.
    /// @param slot where it lives
    /// @param word the lane
    function _store(bytes32 slot, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }

    /// @dev Bits 0..95.
    /// @param word a lane
    /// @return claimed in this epoch
    function _settled(uint256 word) internal pure returns (uint96) {
        return uint96(word);
    }

    /// @dev Bits 96..191.
    /// @param word a lane
    /// @return paid in during this epoch
    function _deposit(uint256 word) internal pure returns (uint96) {
        return uint96(word >> 96);
    }

    /// @dev Bits 192..223.
    /// @param word a lane
    /// @return unix seconds, 0 while open
    function _closeAt(uint256 word) internal pure returns (uint32) {
        return uint32(word >> 192);
    }

    /// @dev Bits 224..231.
    /// @param word a lane
    /// @return the window class
    function _window(uint256 word) internal pure returns (uint8) {
        return uint8(word >> 224);
    }

    /// @dev Bits 232..255.
    /// @param word a lane
    /// @return how often it has been closed
    function _epoch(uint256 word) internal pure returns (uint24) {
        return uint24(word >> 232);
    }
}
