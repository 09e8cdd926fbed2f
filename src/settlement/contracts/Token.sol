// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice The token call failed, returned false, or there is no token at this address.
error TokenRefused();

/// @title The functions of a token that the vault calls.
/// @notice Declared without return values: USDT on Ethereum returns nothing, most other tokens a bool.
interface IToken {
    /// @notice Moves the caller's tokens.
    /// @param to the receiver
    /// @param amount atomic units
    function transfer(address to, uint256 amount) external;

    /// @notice Moves tokens that `from` has approved for the caller.
    /// @param from the owner of the tokens
    /// @param to the receiver
    /// @param amount atomic units
    function transferFrom(address from, address to, uint256 amount) external;

    /// @notice EIP-2612: sets an allowance by signature.
    /// @param owner who signed
    /// @param spender who may move the tokens
    /// @param value atomic units
    /// @param deadline last second at which the signature is valid
    /// @param v recovery id, 27 or 28
    /// @param r first half of the signature
    /// @param s second half of the signature
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice EIP-3009: moves the signer's tokens to the caller, who must be `to`.
    /// @param from who signed
    /// @param to the caller
    /// @param value atomic units
    /// @param validAfter the signature is valid after this second
    /// @param validBefore and before this one
    /// @param nonce 32 bytes that the signer has not used
    /// @param v recovery id, 27 or 28
    /// @param r first half of the signature
    /// @param s second half of the signature
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
    ) external;

    /// @notice EIP-3009 for signatures of any length, as smart wallets make them (EIP-1271).
    /// @param from who signed
    /// @param to the caller
    /// @param value atomic units
    /// @param validAfter the signature is valid after this second
    /// @param validBefore and before this one
    /// @param nonce 32 bytes that the signer has not used
    /// @param signature what the signer's wallet accepts
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice EIP-2612: how many permits of an account have been carried out.
    /// @param owner any address
    /// @return the count
    function nonces(address owner) external view returns (uint256);

    /// @notice The tokens an account holds.
    /// @param account any address
    /// @return atomic units
    function balanceOf(address account) external view returns (uint256);
}

/// @title Calls to tokens that may not be what they say.
library TokenCalls {
    /// @notice Calls a token that may return nothing, true, false, or fail; passes its own error on.
    /// @param token the token
    /// @param input the call
    function order(address token, bytes memory input) internal {
        (bool ok, bytes memory answer) = token.call(input);
        if (!ok && answer.length > 0) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        bool agreed = answer.length == 0 ? token.code.length > 0 : answer.length >= 32 && uint256(bytes32(answer)) == 1;
        if (!ok || !agreed) revert TokenRefused();
    }

    /// @notice Asks a token for a number.
    /// @param token the token
    /// @param input the call
    /// @return ok false when it fails, answers too little, or is no contract
    /// @return value the answer, 0 unless `ok`
    function ask(address token, bytes memory input) internal view returns (bool ok, uint256 value) {
        bytes memory answer;
        (ok, answer) = token.staticcall(input);
        if (!ok || answer.length < 32) return (false, 0);
        return (true, uint256(bytes32(answer)));
    }

    /// @notice What an account holds.
    /// @param token the token
    /// @param account any address
    /// @return value atomic units
    function balance(address token, address account) internal view returns (uint256 value) {
        bool ok;
        (ok, value) = ask(token, abi.encodeCall(IToken.balanceOf, (account)));
        if (!ok) revert TokenRefused();
    }
}
