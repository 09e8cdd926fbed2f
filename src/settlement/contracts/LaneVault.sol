// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DepositAddress} from "./DepositAddress.sol";
import {IToken, TokenCalls} from "./Token.sol";

/// @title The function by which a smart wallet says that a signature is its own (EIP-1271).
interface IWallet {
    /// @notice Whether the wallet stands by a digest.
    /// @param digest what was signed
    /// @param signature in whatever form the wallet understands
    /// @return 0x1626ba7e when it does
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

/// @title Vaults and one-way payment lanes, claimed in packed batches.
/// @notice An account deposits a token once into its *vault*. From there it funds *lanes*, one per payee. The
/// payer signs vouchers off chain, each for the total paid so far on that lane; anyone may bring the newest one
/// here, and what it adds is credited to the payee's vault. Nobody administers this contract and nothing in it
/// can be upgraded.
///
/// A lane is one word: `settled` (bits 0..95) | `deposit` (96..191) | `closeAt` (192..223, unix seconds, 0 while
/// open) | `window` (224..231) | `epoch` (232..255). Always `settled <= deposit`. Closing a lane raises its epoch,
/// which voids every voucher of the epoch before. The window class (0: 1 h, 1: 24 h, 2: 72 h, 3: 7 d) is chosen by
/// the first funding of an epoch and stays: a payee that has once judged it long enough need not look again.
///
/// Who acts for an account: the account itself, until it has named an owner, which it can do once. From then on
/// the owner acts without limit, and the account's own key only within the allowance that the owner has set. This
/// lets a device carry a key that signs vouchers and cannot empty the vault. Claims never read owner or allowance.
///
/// Why nobody can take or burn the money of another:
/// 1. A vault falls only by `_take`: in a withdrawal, in funding a lane, or by an order's fee. Each of these was
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
contract LaneVault {
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

    /// @dev A voucher. The payer is whoever signed it, and that selects the lane.
    bytes32 private constant VOUCHER_TYPEHASH =
        keccak256("Voucher(address payee,address token,uint24 epoch,uint96 cumulative)");
    /// @dev A smart wallet's voucher. It names the wallet: a key that signs for itself and for a wallet must not
    /// pay on both lanes by one signature.
    bytes32 private constant WALLET_VOUCHER_TYPEHASH =
        keccak256("WalletVoucher(address payer,address payee,address token,uint24 epoch,uint96 cumulative)");
    /// @dev An order to pay tokens out of a vault.
    bytes32 private constant WITHDRAW_TYPEHASH = keccak256(
        "Withdraw(address account,address token,uint256 amount,address to,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev An order to fund a lane from the payer's vault.
    bytes32 private constant FUND_LANE_TYPEHASH = keccak256(
        "FundLane(address payer,address payee,address token,uint24 epoch,uint96 amount,"
        "uint8 window,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev An order to start closing a lane.
    bytes32 private constant REQUEST_CLOSE_TYPEHASH = keccak256(
        "RequestClose(address payer,address payee,address token,uint24 epoch,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev An order to name the signer's owner. `token` is what the fee is paid in.
    bytes32 private constant SET_OWNER_TYPEHASH = keccak256(
        "SetOwner(address account,address owner,address token,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev An order to set an allowance.
    bytes32 private constant SET_ALLOWANCE_TYPEHASH = keccak256(
        "SetAllowance(address account,address token,uint256 amount,uint256 deadline,uint256 nonce,uint96 fee)"
    );
    /// @dev The payee's consent to close a lane at once, with this final total.
    bytes32 private constant COOP_CLOSE_TYPEHASH = keccak256(
        "CoopClose(address payer,address payee,address token,uint24 epoch,uint96 finalAmount,uint256 deadline)"
    );

    /// @dev The EIP-712 domain without a salt.
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    /// @dev EIP-2: of the two signatures (s and n - s) only the one with the lower s is accepted. This is n / 2.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    /// @dev The widest value of the three 96-bit amounts.
    uint256 private constant MAX_AMOUNT = type(uint96).max;
    /// @dev Bits 192..223 of a lane word.
    uint256 private constant CLOSE_AT = uint256(type(uint32).max) << 192;
    /// @dev The window class of lanes that a stranger opens: 24 hours.
    uint256 private constant GIFT_WINDOW = 1;
    /// @dev Nonces from here on belong to smart wallets: this is the account's share, then comes the owner's.
    uint256 private constant WALLET_NONCES = 1 << 255;

    /// @dev The chain this contract was created on: the cached separator is valid there only.
    uint256 private immutable homeChain;
    /// @dev The EIP-712 domain separator on `homeChain`.
    bytes32 private immutable homeSeparator;
    /// @dev keccak256 of what creates a deposit address.
    bytes32 private immutable childHash;

    /// @dev account => token => atomic units that the account may withdraw or put into lanes.
    mapping(address account => mapping(address token => uint256)) private balances;
    /// @dev account => who acts for it without limit; 0 while the account acts for itself.
    mapping(address account => address) private owners;
    /// @dev account => token => atomic units that the account's own key may still move; read once it has an owner.
    mapping(address account => mapping(address token => uint256)) private allowances;
    /// @dev signer => nonce / 256 => one bit per nonce that has been used.
    mapping(address signer => mapping(uint256 index => uint256)) private usedNonces;
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
    /// @notice Vouchers were claimed and the payee's vault grew by `credited`.
    /// @param payee whose vault grew
    /// @param token the token
    /// @param credited the sum over all rows of what each added
    /// @param rows one per lane claimed: payer (upper 20 bytes) | `settled` afterwards (lower 12 bytes)
    event Claimed(address indexed payee, address indexed token, uint256 credited, bytes32[] rows);
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
    /// @notice A lane cannot hold more than 2^96 - 1.
    error AmountTooLarge();
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
    /// @notice There is no such window class.
    error BadWindow();
    /// @notice The epoch was opened with another window class.
    error WindowFixed();
    /// @notice The lane is closing, and only who acts for the payer may call that off, as the sender.
    error LaneClosing();
    /// @notice The lane has nothing left to give back.
    error LaneEmpty();
    /// @notice Nobody has asked to close this lane.
    error CloseNotRequested();
    /// @notice The challenge window is still open.
    /// @param closeAt when it ends, in unix seconds
    error TooEarly(uint256 closeAt);
    /// @notice The end of the window does not fit 32 bits: the year is 2106. Lanes still close by consent.
    error ClockOverflow();
    /// @notice The signature names another epoch.
    /// @param current the lane's epoch
    error WrongEpoch(uint24 current);
    /// @notice The lane has been closed 2^24 - 1 times and cannot be funded again.
    error EpochsExhausted();
    /// @notice The voucher adds nothing to what is settled.
    error NothingToClaim();
    /// @notice The final amount is below what is settled already, above the deposit, or above what was vouched.
    error FinalAmountOutOfRange();
    /// @notice The deadline of the order has passed.
    error Expired();
    /// @notice The nonce was used before.
    error NonceReused();
    /// @notice The signature is malformed, has a high s, or is not of anyone who may sign this.
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

    /// @dev Nothing may be credited to account 0.
    /// @param account who is to be credited
    modifier creditable(address account) {
        if (account == address(0)) revert BadReceiver();
        _;
    }

    /// @notice Takes no arguments: every vault of this code is alike.
    constructor() {
        homeChain = block.chainid;
        homeSeparator = _separator();
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

    /// @notice Whether a nonce has been used.
    /// @param signer whose nonce
    /// @param nonce the nonce
    /// @return true once an order with it was carried out or called off
    function nonceUsed(address signer, uint256 nonce) public view returns (bool) {
        return usedNonces[signer][nonce >> 8] & (1 << (nonce & 255)) != 0;
    }

    /// @notice Where plain transfers for an account can be sent. Tokens that arrive there belong to the account once
    /// somebody calls `sweep`; nobody can move them elsewhere. The chain's own coins would be lost there.
    /// @param account who is to be credited
    /// @return the address, the same before and after the first sweep (EIP-1014)
    function depositAddress(address account) public view returns (address) {
        bytes32 salt = bytes32(uint256(uint160(account)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, childHash)))));
    }

    /// @notice The EIP-712 domain separator: name "LaneVault", version "1", this chain, this contract.
    /// @return the separator, computed anew on a chain that forked off after deployment
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return block.chainid == homeChain ? homeSeparator : _separator();
    }

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

    /// @dev Pulls approved tokens.
    /// @param from the caller, or who signed a permit for exactly this amount
    /// @param token the token
    /// @param amount what to pull
    function _pull(address from, address token, uint256 amount) private {
        TokenCalls.order(token, abi.encodeCall(IToken.transferFrom, (from, address(this), amount)));
    }

    /// @dev Measures what a call brought.
    /// @param token the token
    /// @param before this contract's balance before the call
    /// @return received the growth of this contract's balance, above zero
    function _received(address token, uint256 before) private view returns (uint256 received) {
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

    /// @dev Lowers a vault, and the allowance where it counts, by an amount and a fee; pays the fee.
    /// @param account whose vault
    /// @param token the token
    /// @param amount what the caller of this function puts elsewhere
    /// @param fee what the sender of the transaction gets
    /// @param limited whether the allowance counts
    function _spend(address account, address token, uint256 amount, uint96 fee, bool limited) private {
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

    /// @dev Claims one payee's rows of a batch.
    ///
    /// Nothing compares a voucher's s with half the order of the curve. `vs` has 255 bits for it, which the higher of
    /// the two signatures of a voucher hardly ever fits; where it does, both recover the same payer, and a voucher
    /// that has been claimed adds nothing, by whichever of them it is brought again.
    ///
    /// A signature that recovers nobody leaves the payer 0, because that word is cleared before each call. Lanes of
    /// payer 0 hold nothing (see the contract's own comment), so `total` is cut to 0 there and the row adds nothing.
    ///
    /// Why no other storage is touched: a lane's slot is keccak256 of 60 bytes and a mapping's is keccak256 of 64, so
    /// two of them are equal only where keccak256 collides; the mappings' own slots are below 5.
    ///
    /// Memory is addressed absolutely from SCRATCH (0x200), which costs less than adding to the free pointer. This is
    /// memory-safe as long as the free pointer is not above SCRATCH, which is checked: then all of it lies after the
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

    /// @dev Uses up a nonce that the caller of this function has seen unused.
    /// @param signer whose nonce
    /// @param nonce the nonce
    function _useNonce(address signer, uint256 nonce) private {
        usedNonces[signer][nonce >> 8] |= 1 << (nonce & 255);
        emit NonceUsed(signer, nonce);
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
    function _accept(address account, bytes32 structHash, Order calldata order) private returns (bool limited) {
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
    function _keySigner(address account, bytes32 digest, Order calldata order) private view returns (address signer) {
        if (order.nonce >= WALLET_NONCES) return address(0);
        signer = _recover(digest, order.signature);
        if (signer != account && signer != owners[account]) return address(0);
    }

    /// @dev Whether somebody acts for an account, and how far.
    /// @param account the account
    /// @param actor who wants to act for it
    /// @return true when the allowance counts, false when nothing limits it; reverts when it does not act for it
    function _isLimited(address account, address actor) private view returns (bool) {
        if (_isUnlimited(account, actor)) return false;
        if (actor != account) revert NotController();
        return true;
    }

    /// @dev Whether somebody acts for an account without limit.
    /// @param account the account
    /// @param actor anyone but 0
    /// @return true for the owner, or the account itself while there is none
    function _isUnlimited(address account, address actor) private view returns (bool) {
        address owner = owners[account];
        return actor == (owner == address(0) ? account : owner);
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
    ) private view {
        bytes32 digest = _digest(keccak256(abi.encode(VOUCHER_TYPEHASH, payee, token, epoch, vouched)));
        address signer = _recover(digest, signature);
        if (signer != address(0) && signer == payer) return;
        digest = _digest(_walletVoucherHash(payer, payee, token, epoch, vouched));
        if (!_isWalletSignature(payer, digest, signature)) revert BadSignature();
    }

    /// @dev Whether a smart wallet stands by a digest (EIP-1271). The wallet's code runs, but as a static call: it can
    /// change nothing, here or elsewhere.
    /// @param wallet any address
    /// @param digest the EIP-712 digest
    /// @param signature in whatever form the wallet understands
    /// @return false as well where there is no contract, or one that fails or answers something else
    function _isWalletSignature(address wallet, bytes32 digest, bytes calldata signature) private view returns (bool) {
        bytes32 yes = bytes32(IWallet.isValidSignature.selector);
        (bool ok, bytes memory answer) =
            wallet.staticcall(abi.encodeCall(IWallet.isValidSignature, (digest, signature)));
        return ok && answer.length >= 32 && bytes32(answer) == yes;
    }

    /// @dev The account whose key signed a digest.
    /// @param digest the EIP-712 digest
    /// @param signature r | s | v, 65 bytes, s in its lower half
    /// @return 0 when no key can have
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > HALF_ORDER) return address(0);
        return ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
    }

    /// @dev What is signed.
    /// @param structHash the EIP-712 struct hash
    /// @return the EIP-712 digest
    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash));
    }

    /// @dev The domain separator of this contract on the present chain.
    /// @return EIP-712 domain separator
    function _separator() private view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("LaneVault"), keccak256("1"), block.chainid, address(this))
        );
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

    /// @dev Where a lane lives: `_claimGroup` computes the same.
    /// @param payer one end
    /// @param payee the other
    /// @param token the token
    /// @return keccak256 of the three, 20 bytes each
    function _slot(address payer, address payee, address token) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(payer, payee, token));
    }

    /// @dev Reads a lane.
    /// @param slot where it lives
    /// @return word the lane
    function _load(bytes32 slot) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    /// @dev Writes a lane.
    /// @param slot where it lives
    /// @param word the lane
    function _store(bytes32 slot, uint256 word) private {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }

    /// @dev Adds without failing, for error messages.
    /// @param a any number
    /// @param b any number
    /// @return the sum, at most 2^256 - 1
    function _sum(uint256 a, uint256 b) private pure returns (uint256) {
        return a > type(uint256).max - b ? type(uint256).max : a + b;
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

    /// @dev Bits 192..223.
    /// @param word a lane
    /// @return unix seconds, 0 while open
    function _closeAt(uint256 word) private pure returns (uint32) {
        return uint32(word >> 192);
    }

    /// @dev Bits 224..231.
    /// @param word a lane
    /// @return the window class
    function _window(uint256 word) private pure returns (uint8) {
        return uint8(word >> 224);
    }

    /// @dev Bits 232..255.
    /// @param word a lane
    /// @return how often it has been closed
    function _epoch(uint256 word) private pure returns (uint24) {
        return uint24(word >> 232);
    }
}
