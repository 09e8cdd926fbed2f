// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The three functions of an ERC-20 token that the vault uses.
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

    /// @notice The tokens an account holds.
    /// @param account any address
    /// @return atomic units
    function balanceOf(address account) external view returns (uint256);
}

/// @title Vaults and one-way payment lanes, claimed in packed batches.
/// @notice An account deposits a token once into its *vault*. From there it funds *lanes*, one per payee. The
/// payer signs vouchers off chain, each for the total paid so far on that lane; anyone may bring the newest one
/// here, and what it adds is credited to the payee's vault. Nobody administers this contract and nothing in it
/// can be upgraded.
///
/// A lane is one word: `settled` (bits 0..95) | `deposit` (96..191) | `closeAt` (192..231, unix seconds, 0 while
/// open) | `epoch` (232..255). Always `settled <= deposit`. Closing a lane raises its epoch, which voids every
/// voucher of the epoch before.
///
/// All of it can be rebuilt from events: each says either the new lane word or the exact change of a vault.
/// @dev What holds for every token that never takes more from the sender than `amount` and never lowers a
/// balance by itself: `balanceOf(this) >= sum of vaults + sum of (deposit - settled)`. A token that breaks this
/// harms the holders of that token only, since every balance is keyed by token. Claiming never calls the token,
/// so a paused token or a blocked payee cannot make a payee miss the challenge window.
contract LaneVault {
    /// @notice A voucher. The payer is whoever signed it, and that selects the lane.
    bytes32 public constant VOUCHER_TYPEHASH =
        keccak256("Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");
    /// @notice An order to pay tokens out of the signer's vault.
    bytes32 public constant WITHDRAW_TYPEHASH =
        keccak256("Withdraw(address account,address token,uint256 amount,address to,uint256 deadline,uint256 nonce)");
    /// @notice An order to fund a lane from the signer's vault.
    bytes32 public constant FUND_LANE_TYPEHASH = keccak256(
        "FundLane(address payer,address payee,address token,uint24 epoch,uint96 amount,uint256 deadline,uint256 nonce)"
    );
    /// @notice An order to start closing the signer's lane.
    bytes32 public constant REQUEST_CLOSE_TYPEHASH = keccak256(
        "RequestClose(address payer,address payee,address token,uint24 epoch,uint256 deadline,uint256 nonce)"
    );
    /// @notice The payee's consent to close a lane at once, with this final total.
    bytes32 public constant COOP_CLOSE_TYPEHASH = keccak256(
        "CoopClose(address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline)"
    );

    /// @dev The EIP-712 domain without a salt.
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    /// @dev EIP-2: of the two signatures (s and n - s) only the one with the lower s is accepted. This is n / 2.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev The longest challenge window a vault may have.
    uint256 private constant MAX_CHALLENGE = 90 days;
    /// @dev The widest value of the three 96-bit amounts.
    uint256 private constant MAX_AMOUNT = type(uint96).max;

    /// @notice Seconds between a payer's request to close a lane and the moment it can take the rest back.
    uint256 public immutable challenge;

    /// @dev The chain this contract was created on: the cached separator is valid there only.
    uint256 private immutable homeChain;
    /// @dev The EIP-712 domain separator on `homeChain`.
    bytes32 private immutable homeSeparator;

    /// @dev account => token => atomic units that the account may withdraw or put into lanes.
    mapping(address account => mapping(address token => uint256)) private vaults;
    /// @dev Lane key => lane word.
    mapping(bytes32 key => uint256) private laneWords;
    /// @dev account => nonce / 256 => one bit per nonce that has been used.
    mapping(address account => mapping(uint256 index => uint256)) private usedNonces;
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
    /// @notice A payer moved `amount` from its vault into a lane.
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
    /// @notice Vouchers were claimed and the payee's vault grew by `credited`.
    /// @param payee whose vault grew
    /// @param token the token
    /// @param credited the sum over all rows of what each added
    /// @param rows one per lane claimed: payer (upper 20 bytes) | `settled` afterwards (lower 12 bytes)
    event Claimed(address indexed payee, address indexed token, uint256 credited, bytes32[] rows);
    /// @notice The payer asked to close a lane.
    /// @param payer who asked
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
    /// @notice A signed order was carried out; the nonce cannot be used again.
    /// @param account the signer
    /// @param nonce the order's nonce
    event NonceUsed(address indexed account, uint256 nonce);

    /// @notice The window is not within 1 second and 90 days.
    error ChallengeOutOfRange();
    /// @notice A function that calls a token was entered while another one ran.
    error Reentered();
    /// @notice The token call failed, returned false, or there is no token at this address.
    error TokenRefused();
    /// @notice The transfer succeeded but no token arrived.
    error NothingReceived();
    /// @notice Zero, or this contract itself, cannot be a receiver.
    error BadReceiver();
    /// @notice The amount is zero.
    error ZeroAmount();
    /// @notice A lane cannot hold more than 2^96 - 1.
    error AmountTooLarge();
    /// @notice The vault holds less than is asked for.
    /// @param available what it holds
    /// @param wanted what was asked for
    error InsufficientVault(uint256 available, uint256 wanted);
    /// @notice Two lists that belong together have different lengths.
    error LengthsDiffer();
    /// @notice The lane is closing, and only the payer itself may call that off.
    error LaneClosing();
    /// @notice The lane has nothing left to give back.
    error LaneEmpty();
    /// @notice Nobody has asked to close this lane.
    error CloseNotRequested();
    /// @notice The challenge window is still open.
    /// @param closeAt when it ends, in unix seconds
    error TooEarly(uint256 closeAt);
    /// @notice The signature names another epoch.
    /// @param current the lane's epoch
    error WrongEpoch(uint24 current);
    /// @notice The lane has been closed 2^24 - 1 times and cannot be funded again.
    error EpochsExhausted();
    /// @notice The final amount is below what is settled already, or above the deposit.
    error FinalAmountOutOfRange();
    /// @notice The deadline of the order has passed.
    error Expired();
    /// @notice The nonce was used before.
    error NonceReused();
    /// @notice The signature is malformed, has a high s, or is not the named account's.
    error BadSignature();
    /// @notice The packed bytes end within a record.
    error Malformed();

    /// @dev Lets one token-calling function run at a time, so that balance differences mean what they say.
    modifier guarded() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    /// @param challengeSeconds time for payees and watchtowers to react to a requested close, 1..7,776,000
    constructor(uint256 challengeSeconds) {
        if (challengeSeconds == 0 || challengeSeconds > MAX_CHALLENGE) revert ChallengeOutOfRange();
        challenge = challengeSeconds;
        homeChain = block.chainid;
        homeSeparator = _separator();
    }

    /// @notice Pulls the caller's approved tokens into `account`'s vault; credits what really arrives.
    /// @param account who may spend them afterwards
    /// @param token the token
    /// @param amount what to pull
    function deposit(address account, address token, uint256 amount) external guarded {
        if (account == address(0)) revert BadReceiver();
        uint256 received = _pull(token, amount);
        vaults[account][token] += received;
        emit Deposited(account, token, received);
    }

    /// @notice Pulls the caller's approved tokens straight into a lane. A gift to the payer: whatever the payee
    /// does not claim goes to the payer's vault when the lane closes.
    /// @dev Refused while the lane closes: a stranger must not be able to call a close off.
    /// @param payer who signs vouchers on the lane
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to pull
    function depositLane(address payer, address payee, address token, uint256 amount) external guarded {
        if (payer == address(0) || payee == address(0)) revert BadReceiver();
        // the lane is read after the call, in which a token may run code that changes it
        uint256 received = _pull(token, amount);
        bytes32 key = _key(payer, payee, token);
        uint256 word = laneWords[key];
        if (_closeAt(word) != 0) revert LaneClosing();
        word = _raised(word, received);
        laneWords[key] = word;
        emit LaneGifted(payer, payee, token, uint96(received), word);
    }

    /// @notice Sends tokens from the caller's vault.
    /// @param token the token
    /// @param amount what leaves the vault; the receiver gets less when the token takes a fee
    /// @param to the receiver
    function withdraw(address token, uint256 amount, address to) external guarded {
        _withdraw(msg.sender, token, amount, to);
    }

    /// @notice Carries out a withdrawal that `account` signed; whoever sends it pays the gas.
    /// @param account the signer
    /// @param token the token
    /// @param amount what leaves the vault
    /// @param to the receiver
    /// @param deadline last second at which the order is valid
    /// @param nonce any number the account has not used; signing another order with it calls this one off
    /// @param signature r | s | v, 65 bytes
    function withdrawWithSig(
        address account,
        address token,
        uint256 amount,
        address to,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external guarded {
        bytes32 order = keccak256(abi.encode(WITHDRAW_TYPEHASH, account, token, amount, to, deadline, nonce));
        _accept(account, order, deadline, nonce, signature);
        _withdraw(account, token, amount, to);
    }

    /// @notice Moves tokens from the caller's vault into its lane to `payee`. Calls off a pending close.
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to move
    function fundLane(address payee, address token, uint96 amount) external {
        _fund(msg.sender, payee, token, amount);
    }

    /// @notice Funds many lanes from the caller's vault. Skips a row with no payee, no amount, a closing or full
    /// lane, or more than is left in the vault; `LaneFunded` says which rows were carried out.
    /// @param payees who can claim
    /// @param token the token
    /// @param amounts what to move, one per payee
    /// @return funded how many rows were carried out
    function fundLanes(address[] calldata payees, address token, uint96[] calldata amounts)
        external
        returns (uint256 funded)
    {
        if (payees.length != amounts.length) revert LengthsDiffer();
        uint256 available = vaults[msg.sender][token];
        for (uint256 i = 0; i < payees.length; ++i) {
            uint256 amount = amounts[i];
            if (amount == 0 || amount > available || payees[i] == address(0)) continue;
            bytes32 key = _key(msg.sender, payees[i], token);
            uint256 word = laneWords[key];
            if (_closeAt(word) != 0 || _epoch(word) == type(uint24).max) continue;
            if (_deposit(word) + amount > MAX_AMOUNT) continue;
            available -= amount;
            word += amount << 96;
            laneWords[key] = word;
            emit LaneFunded(msg.sender, payees[i], token, uint96(amount), word);
            ++funded;
        }
        vaults[msg.sender][token] = available;
    }

    /// @notice Funds a lane on an order that `payer` signed. Refused while the lane closes.
    /// @param payer the signer, whose vault pays
    /// @param payee who can claim
    /// @param token the token
    /// @param epoch the lane's epoch: the order dies with a close
    /// @param amount what to move
    /// @param deadline last second at which the order is valid
    /// @param nonce any number the payer has not used
    /// @param signature r | s | v, 65 bytes
    function fundLaneWithSig(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint96 amount,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external {
        uint256 word = laneWords[_key(payer, payee, token)];
        if (_epoch(word) != epoch) revert WrongEpoch(_epoch(word));
        // an order signed before the payer decided to leave must not keep it in
        if (_closeAt(word) != 0) revert LaneClosing();
        bytes32 order =
            keccak256(abi.encode(FUND_LANE_TYPEHASH, payer, payee, token, epoch, amount, deadline, nonce));
        _accept(payer, order, deadline, nonce, signature);
        _fund(payer, payee, token, amount);
    }

    /// @notice Claims many vouchers of one token. Anyone may call it: a voucher pays its payee, whoever brings it.
    /// Rows that add nothing (bad signature, wrong epoch, old, empty lane) are skipped; a voucher above the
    /// deposit is paid as far as the deposit goes and can be brought again after a top-up. Never calls the token.
    /// @param batch `token 20 | (payee 20 | n 2 | n * (epoch 3 | cumulative 12 | r 32 | vs 32))*`, big-endian, where
    /// `vs` is s with the parity of the signature in its highest bit (EIP-2098). Group by payee: each group
    /// costs one vault update and one event.
    function claimBatch(bytes calldata batch) external {
        if (batch.length < 20) revert Malformed();
        address token = address(bytes20(batch[:20]));
        bytes32 separator = DOMAIN_SEPARATOR();
        uint256 cursor;
        uint256 end;
        assembly ("memory-safe") {
            cursor := add(batch.offset, 20)
            end := add(batch.offset, batch.length)
        }
        while (cursor < end) cursor = _claimGroup(cursor, end, token, separator);
    }

    /// @notice Starts closing the caller's lane: after the challenge window it gets back what is not claimed.
    /// @param payee the other end of the lane
    /// @param token the token
    function requestClose(address payee, address token) external {
        _requestClose(msg.sender, payee, token);
    }

    /// @notice Starts closing a lane on an order that `payer` signed.
    /// @param payer the signer
    /// @param payee the other end of the lane
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param deadline last second at which the order is valid
    /// @param nonce any number the payer has not used
    /// @param signature r | s | v, 65 bytes
    function requestCloseWithSig(
        address payer,
        address payee,
        address token,
        uint24 epoch,
        uint256 deadline,
        uint256 nonce,
        bytes calldata signature
    ) external {
        uint24 current = _epoch(laneWords[_key(payer, payee, token)]);
        if (current != epoch) revert WrongEpoch(current);
        bytes32 order = keccak256(abi.encode(REQUEST_CLOSE_TYPEHASH, payer, payee, token, epoch, deadline, nonce));
        _accept(payer, order, deadline, nonce, signature);
        _requestClose(payer, payee, token);
    }

    /// @notice Closes a lane whose challenge window is over. Anyone may call it; the rest goes to the payer.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    function finalizeClose(address payer, address payee, address token) external {
        bytes32 key = _key(payer, payee, token);
        uint256 word = laneWords[key];
        uint256 closeAt = _closeAt(word);
        if (closeAt == 0) revert CloseNotRequested();
        if (block.timestamp < closeAt) revert TooEarly(closeAt);
        _close(payer, payee, token, word, _settled(word));
    }

    /// @notice Closes a lane at once: pays `finalAmount` in total to the payee and the rest back to the payer.
    ///
    /// Why nobody can take or burn the other's money with it. Write S for what is settled, D for the deposit.
    /// 1. The payee loses vouchers above `finalAmount`, so the payee must agree: it is the caller, or signed
    ///    CoopClose for exactly this lane, epoch and amount.
    /// 2. The payer loses `finalAmount - S`, so when that is positive the payer must agree: it is the caller, or
    ///    signed a voucher of this epoch for `vouched >= finalAmount`, which the payee could have claimed anyway.
    ///    When it is zero the payer loses nothing, and needs not be asked.
    /// 3. `S <= finalAmount <= D`, so both credits are at least zero and sum to `D - S`, what the lane held.
    /// 4. The epoch rises, so neither signature can be used again, on this lane or (both name it) another.
    /// A payee that has signed must take no voucher above `finalAmount` in this epoch until the deadline is over.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    /// @param epoch the lane's epoch
    /// @param finalAmount all that the payee gets from this epoch, including what is settled
    /// @param vouched the cumulative of the payer's voucher; ignored where rule 2 does not ask for one
    /// @param payerSignature the payer's voucher, 65 bytes; ignored where rule 2 does not ask for one
    /// @param deadline last second at which the payee's consent is valid; ignored when the payee is the caller
    /// @param payeeSignature the payee's CoopClose, 65 bytes; ignored when the payee is the caller
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
        uint256 word = laneWords[_key(payer, payee, token)];
        if (_epoch(word) != epoch) revert WrongEpoch(_epoch(word));
        if (finalAmount < _settled(word) || finalAmount > _deposit(word)) revert FinalAmountOutOfRange();
        if (_deposit(word) == 0) revert LaneEmpty();
        if (msg.sender != payee) {
            if (block.timestamp > deadline) revert Expired();
            bytes32 consent =
                keccak256(abi.encode(COOP_CLOSE_TYPEHASH, payer, payee, token, epoch, finalAmount, deadline));
            _verify(payee, consent, payeeSignature);
        }
        if (msg.sender != payer && finalAmount > _settled(word)) {
            if (vouched < finalAmount) revert FinalAmountOutOfRange();
            _verify(payer, keccak256(abi.encode(VOUCHER_TYPEHASH, payee, token, epoch, vouched)), payerSignature);
        }
        _close(payer, payee, token, word, finalAmount);
    }

    /// @notice What an account may withdraw or put into lanes.
    /// @param account the account
    /// @param token the token
    /// @return atomic units
    function vault(address account, address token) external view returns (uint256) {
        return vaults[account][token];
    }

    /// @notice One lane, unpacked. A lane that never existed is all zero.
    /// @param payer one end
    /// @param payee the other
    /// @param token the token
    /// @return settled claimed so far in this epoch
    /// @return deposited paid in so far in this epoch
    /// @return closeAt when the rest can be taken back, in unix seconds; 0 while open
    /// @return epoch how often the lane has been closed
    function lane(address payer, address payee, address token)
        external
        view
        returns (uint96 settled, uint96 deposited, uint40 closeAt, uint24 epoch)
    {
        uint256 word = laneWords[_key(payer, payee, token)];
        return (_settled(word), _deposit(word), _closeAt(word), _epoch(word));
    }

    /// @notice Many lanes at one block.
    /// @param keys `(payer 20 | payee 20 | token 20)*`
    /// @return words the lane words, in the same order
    function lanes(bytes calldata keys) external view returns (uint256[] memory words) {
        if (keys.length % 60 != 0) revert Malformed();
        words = new uint256[](keys.length / 60);
        for (uint256 i = 0; i < words.length; ++i) {
            bytes calldata key = keys[60 * i:60 * i + 60];
            words[i] = laneWords[
                _key(address(bytes20(key[:20])), address(bytes20(key[20:40])), address(bytes20(key[40:])))
            ];
        }
    }

    /// @notice Whether a signed order with this nonce has been carried out.
    /// @param account the signer
    /// @param nonce the order's nonce
    /// @return true once used
    function nonceUsed(address account, uint256 nonce) external view returns (bool) {
        return usedNonces[account][nonce >> 8] & (1 << (nonce & 255)) != 0;
    }

    /// @notice The EIP-712 domain separator: name "LaneVault", version "1", this chain, this contract.
    /// @return the separator, computed anew on a chain that forked off after deployment
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return block.chainid == homeChain ? homeSeparator : _separator();
    }

    /// @dev Pulls the caller's tokens and measures what arrived.
    /// @param token the token
    /// @param amount what to pull
    /// @return received the growth of this contract's balance, above zero
    function _pull(address token, uint256 amount) private returns (uint256 received) {
        uint256 before = IToken(token).balanceOf(address(this));
        _call(token, abi.encodeCall(IToken.transferFrom, (msg.sender, address(this), amount)));
        received = IToken(token).balanceOf(address(this)) - before;
        if (received == 0) revert NothingReceived();
    }

    /// @dev Takes from a vault, then sends.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what to take
    /// @param to the receiver
    function _withdraw(address account, address token, uint256 amount, address to) private {
        // tokens sent to this contract itself would be credited to nobody
        if (to == address(0) || to == address(this)) revert BadReceiver();
        if (amount == 0) revert ZeroAmount();
        _take(account, token, amount);
        emit Withdrawn(account, token, to, amount);
        _call(token, abi.encodeCall(IToken.transfer, (to, amount)));
    }

    /// @dev Calls a token that may return nothing, true, false, or fail; passes its own error on.
    /// @param token the token
    /// @param data the call
    function _call(address token, bytes memory data) private {
        (bool ok, bytes memory answer) = token.call(data);
        if (!ok && answer.length > 0) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        bool agreed = answer.length == 0 ? token.code.length > 0 : answer.length >= 32 && uint256(bytes32(answer)) == 1;
        if (!ok || !agreed) revert TokenRefused();
    }

    /// @dev Lowers a vault.
    /// @param account whose vault
    /// @param token the token
    /// @param amount by how much
    function _take(address account, address token, uint256 amount) private {
        uint256 available = vaults[account][token];
        if (amount > available) revert InsufficientVault(available, amount);
        unchecked {
            vaults[account][token] = available - amount;
        }
    }

    /// @dev Moves from the payer's vault into its lane; clears `closeAt`.
    /// @param payer whose vault
    /// @param payee who can claim
    /// @param token the token
    /// @param amount what to move
    function _fund(address payer, address payee, address token, uint96 amount) private {
        if (payee == address(0)) revert BadReceiver();
        if (amount == 0) revert ZeroAmount();
        _take(payer, token, amount);
        bytes32 key = _key(payer, payee, token);
        uint256 word = laneWords[key] & ~(uint256(type(uint40).max) << 192);
        word = _raised(word, amount);
        laneWords[key] = word;
        emit LaneFunded(payer, payee, token, amount, word);
    }

    /// @dev A lane word with a higher deposit.
    /// @param word the lane
    /// @param amount by how much
    /// @return the lane afterwards
    function _raised(uint256 word, uint256 amount) private pure returns (uint256) {
        // the last epoch stays empty: raising it once more would wrap to 0 and revive old vouchers
        if (_epoch(word) == type(uint24).max) revert EpochsExhausted();
        if (amount > MAX_AMOUNT - _deposit(word)) revert AmountTooLarge();
        return word + (amount << 96);
    }

    /// @dev Claims one payee's rows of a batch.
    ///
    /// Scratch memory from the free pointer m, kept within the one assembly block:
    ///   m + 0x000  voucher struct: type hash, payee, token, epoch, cumulative
    ///   m + 0x0a0  0x1901, m + 0x0a2 separator, m + 0x0c2 struct hash (66 bytes in all)
    ///   m + 0x100  lane key: payer, payee, token
    ///   m + 0x160  input of ecrecover: digest, v, r, s
    ///   m + 0x1e0  event: credited, offset of rows (0x40), count, rows
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
            let m := mload(0x40)
            mstore(m, voucherType)
            mstore(add(m, 0x20), payee)
            mstore(add(m, 0x40), token)
            mstore(add(m, 0xa0), hex"1901")
            mstore(add(m, 0xa2), separator)
            mstore(add(m, 0x120), payee)
            mstore(add(m, 0x140), token)
            let row := add(m, 0x240)
            for {} lt(cursor, next) { cursor := add(cursor, 79) } {
                let head := calldataload(cursor)
                let epoch := shr(232, head)
                let total := and(shr(136, head), 0xffffffffffffffffffffffff)
                mstore(add(m, 0x60), epoch)
                mstore(add(m, 0x80), total)
                mstore(add(m, 0xc2), keccak256(m, 0xa0))
                let vs := calldataload(add(cursor, 47))
                let s := shr(1, shl(1, vs))
                if gt(s, HALF_ORDER) { continue }
                mstore(add(m, 0x160), keccak256(add(m, 0xa0), 0x42))
                mstore(add(m, 0x180), add(27, shr(255, vs)))
                mstore(add(m, 0x1a0), calldataload(add(cursor, 15)))
                mstore(add(m, 0x1c0), s)
                // a signature that recovers nothing leaves the payer zero
                mstore(add(m, 0x100), 0)
                pop(staticcall(gas(), 1, add(m, 0x160), 0x80, add(m, 0x100), 0x20))
                let payer := mload(add(m, 0x100))
                if iszero(payer) { continue }
                mstore(0, keccak256(add(m, 0x100), 0x60))
                mstore(0x20, laneWords.slot)
                let slot := keccak256(0, 0x40)
                let word := sload(slot)
                if iszero(eq(shr(232, word), epoch)) { continue }
                let settled := and(word, 0xffffffffffffffffffffffff)
                let held := and(shr(96, word), 0xffffffffffffffffffffffff)
                if gt(total, held) { total := held }
                if iszero(gt(total, settled)) { continue }
                sstore(slot, or(xor(word, settled), total))
                credited := add(credited, sub(total, settled))
                mstore(row, or(shl(96, payer), total))
                row := add(row, 0x20)
            }
            if credited {
                mstore(add(m, 0x1e0), credited)
                mstore(add(m, 0x200), 0x40)
                mstore(add(m, 0x220), shr(5, sub(row, add(m, 0x240))))
                log3(add(m, 0x1e0), sub(row, add(m, 0x1e0)), topic, payee, token)
            }
        }
        if (credited != 0) vaults[address(uint160(payee))][token] += credited;
    }

    /// @dev Sets `closeAt`.
    /// @param payer who asked
    /// @param payee the other end of the lane
    /// @param token the token
    function _requestClose(address payer, address payee, address token) private {
        bytes32 key = _key(payer, payee, token);
        uint256 word = laneWords[key];
        if (_closeAt(word) != 0) revert LaneClosing();
        if (_settled(word) == _deposit(word)) revert LaneEmpty();
        word |= (block.timestamp + challenge) << 192;
        laneWords[key] = word;
        emit CloseRequested(payer, payee, token, word);
    }

    /// @dev Settles up to `finalAmount`, refunds the rest and raises the epoch. The word stays non-zero, so
    /// opening the lane again costs 5,000 gas and not 22,100.
    /// @param payer one end of the lane
    /// @param payee the other
    /// @param token the token
    /// @param word the lane before
    /// @param finalAmount between `settled` and `deposit`
    function _close(address payer, address payee, address token, uint256 word, uint96 finalAmount) private {
        uint96 credited = finalAmount - _settled(word);
        uint96 refunded = _deposit(word) - finalAmount;
        // a lane in the last epoch cannot be funded, so it is never closed and this does not wrap
        uint256 closed = (uint256(_epoch(word)) + 1) << 232;
        laneWords[_key(payer, payee, token)] = closed;
        if (credited != 0) vaults[payee][token] += credited;
        if (refunded != 0) vaults[payer][token] += refunded;
        emit LaneClosed(payer, payee, token, credited, refunded, closed);
    }

    /// @dev Checks deadline, nonce and signature of an order, and uses the nonce up.
    /// @param account who must have signed
    /// @param order the EIP-712 struct hash
    /// @param deadline last second at which the order is valid
    /// @param nonce the order's nonce
    /// @param signature r | s | v, 65 bytes
    function _accept(address account, bytes32 order, uint256 deadline, uint256 nonce, bytes calldata signature)
        private
    {
        if (block.timestamp > deadline) revert Expired();
        uint256 bit = 1 << (nonce & 255);
        uint256 used = usedNonces[account][nonce >> 8];
        if (used & bit != 0) revert NonceReused();
        _verify(account, order, signature);
        usedNonces[account][nonce >> 8] = used | bit;
        emit NonceUsed(account, nonce);
    }

    /// @dev Reverts unless `account` signed the struct.
    /// @param account who must have signed
    /// @param structHash the EIP-712 struct hash
    /// @param signature r | s | v, 65 bytes
    function _verify(address account, bytes32 structHash, bytes calldata signature) private view {
        if (signature.length != 65 || account == address(0)) revert BadSignature();
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) revert BadSignature();
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
        if (ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s) != account) revert BadSignature();
    }

    /// @dev The domain separator of this contract on the present chain.
    /// @return EIP-712 domain separator
    function _separator() private view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("LaneVault"), keccak256("1"), block.chainid, address(this))
        );
    }

    /// @dev Where a lane lives.
    /// @param payer one end
    /// @param payee the other
    /// @param token the token
    /// @return keccak256 of the three, 32 bytes each
    function _key(address payer, address payee, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(payer, payee, token));
    }

    /// @dev Bits 0..95.
    /// @param word a lane
    /// @return claimed in this epoch
    function _settled(uint256 word) private pure returns (uint96) {
        return uint96(word);
    }

    /// @dev Bits 96..191.
    /// @param word a lane
    /// @return paid in during this epoch
    function _deposit(uint256 word) private pure returns (uint96) {
        return uint96(word >> 96);
    }

    /// @dev Bits 192..231.
    /// @param word a lane
    /// @return unix seconds, 0 while open
    function _closeAt(uint256 word) private pure returns (uint40) {
        return uint40(word >> 192);
    }

    /// @dev Bits 232..255.
    /// @param word a lane
    /// @return how often it has been closed
    function _epoch(uint256 word) private pure returns (uint24) {
        return uint24(word >> 232);
    }
}
