/**
 * What strangers, floods and slow devices may cost us: every limit of the embedded broker, with its default.
 *
 * No default rate is met by an honest device: the closest is a robot that sends a thousand vouchers, or the two thousand
 * chunks of the largest blob, at once, and those are within a device's burst. A rate that is exceeded delays first: the
 * connection is not read until its debt is paid. `drainTimeoutMs` can be met: by a link on which the largest packet takes
 * longer, for chunks of 32 KiB one below about 4.4 KB a second.
 */
export const BROKER_LIMITS = {
  /** Streams at a time, TCP and attached together; one without a session gives way. About 40 KB each while they idle. */
  connections: 8_000,
  /** Streams at a time from one address: a fleet behind one router has one. */
  connectionsPerAddress: 1_000,
  /** Sessions at a time of one device, each with a slot of its own. */
  slotsPerDevice: 16,
  /** Connections a second from one address, on average. Each may cost a signature check, 0.1 to 1 ms. */
  addressConnectRate: 400,
  /** Connections that an address may open at once after a quiet time: the fleet, after a power cut. */
  addressConnectBurst: 2_000,
  /** Sessions a second of one device, on average: two programs that fight for one client id are slowed to it. */
  deviceConnectRate: 2,
  /** Sessions that a device may open at once after a quiet time: each of its slots a few times. */
  deviceConnectBurst: 60,
  /** Packets a second from one device, on average. PUBACKs for what it was sent are free. */
  deviceMessageRate: 500,
  /** Packets that a device may send at once after a quiet time. */
  deviceMessageBurst: 5_000,
  /** Packets a second from one address, on average. */
  addressMessageRate: 10_000,
  /** Packets that an address may send at once after a quiet time. */
  addressMessageBurst: 50_000,
  /** How long, in milliseconds, a session may go on to send as much as its delayed socket takes; also the longest delay. */
  floodMs: 60_000,
  /** Messages of one session that the gateway may be at work on, before the socket waits. */
  underWay: 256,
  /** How long a stream may take to send its CONNECT, or to log in by message, in milliseconds. */
  connectTimeoutMs: 5_000,
  /** Boards on serial lines that may wait to be paired at a time. */
  waitingBoards: 64,
  /** How long a board may take to save its pairing and to prove it, in milliseconds. */
  pairTimeoutMs: 10_000,
  /** How long a device may leave what it is sent unread or unacknowledged once no more may be sent, in milliseconds. */
  drainTimeoutMs: 10_000,
  /** QoS 1 messages that a session has been sent and has not acknowledged. */
  inFlight: 20,
  /** Messages that wait behind those for one session. */
  queuedMessages: 10_000,
  /** Bytes that wait behind those for one session. */
  queuedBytes: 4_194_304,
  /** Bytes that a session's socket holds back before QoS 0 messages to it are dropped. */
  unsentBytes: 262_144,
  /** Longest keep-alive in seconds. A longer one, or none, is taken for this: silence for 1.5 times as long ends it. */
  keepAlive: 300,
  /** Longest packet in bytes before CONNECT is accepted; the longest CONNECT of ours has 1,018 bytes. */
  strangerPacketBytes: 1_024,
  /** Longest packet in bytes of a session: a chunk of a blob and its topic, with room to spare. */
  packetBytes: 70_000,
  /** CONNECT nonces kept for each device. */
  noncesPerDevice: 256,
} as const;

export type BrokerLimits = { readonly [L in keyof typeof BROKER_LIMITS]: number };
