// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers that we chose, each with its reason. What a specification fixes stands beside its code.
 */

/** First wait for a STUN answer. RFC 8489 says 500 ms for the open internet; half of it finds a lost packet sooner. */
export const STUN_RTO_MS = 250

/** Requests of one transaction; with doubling waits a server is given up after 250 * (2^5 - 1) ms, about 8 s. */
export const STUN_REQUESTS_MAX = 5

/**
 * Pause between two questions to the same server. Below the shortest common mapping lifetime of
 * 30 s (Linux conntrack), so that asking also keeps the mapping; spread so that hosts do not march in step.
 */
export const STUN_REFRESH_MS_MIN = 20_000
export const STUN_REFRESH_MS_MAX = 26_000

/** A server that gave no answer is asked again after this. */
export const STUN_RETRY_MS = 30_000

/** Servers in use at a time. Two show how a NAT maps; one more lets one of them die. */
export const STUN_SERVERS_MAX = 3

/**
 * Waits between probes of one candidate. The first ones are close together because both ends learn of
 * each other within a round trip of gossip, and the first probe usually dies at the other's filter.
 */
export const CHECK_GAPS_MS = [50, 100, 200, 300, 500, 500, 1000, 1000, 1000, 1000, 2000] as const

/** Remote candidates that are tried per peer. A record may hold 16; some are learned from probes. */
export const CANDIDATES_PER_PEER_MAX = 24

/**
 * Probes that may be on their way to one peer. The helper refuses more than 64, and forgets one after 3 s; that a peer
 * offers many addresses, or shows many ports, must not use all that up.
 */
export const PROBES_UNDER_WAY_MAX = 48
export const PROBE_UNDER_WAY_MS = 3_000

/**
 * A pair without a direct path is tried again on this slow schedule: first and longest period. Each is a multiple of the
 * ones before, so that two hosts on different periods still meet.
 */
export const RETRY_ROUND_MS_MIN = 60_000
export const RETRY_ROUND_MS_MAX = 480_000

/** Proven direct paths that the helper keeps armed for a peer. */
export const PATHS_PER_PEER_MAX = 3

/** A path must be better by both to take over: stickiness against flapping. */
export const HYSTERESIS_RATIO = 0.2
export const HYSTERESIS_MS = 10

/** A path that is down and no longer offered by the peer is forgotten after this. */
export const PATH_FORGET_MS = 60_000

/** Pace of probes on idle paths until the lifetime of mappings is learned at both ends. */
export const KEEPALIVE_MS = 25_000

/**
 * Bounds of that pace, and what it stays below the learned lifetime. The longest is no longer than a member's sign of
 * life: an idle path that has died should not look alive for minutes.
 */
export const KEEPALIVE_MS_MIN = 2_000
export const KEEPALIVE_MS_MAX = 60_000
export const KEEPALIVE_MARGIN_MS = 5_000

/** Rests after which a mapping is looked for. The last one is as long as the longest keepalive can use. */
export const LIFETIME_LADDER_MS = [6_000, 9_000, 13_000, 20_000, 28_000, 42_000, 66_000] as const

/** Linux's connection tracking calls a flow a stream, and keeps it longer, when it has lasted for two seconds. */
export const LIFETIME_SETTLE_MS = 3_000

/** When the lifetime is measured again: rules of routers seldom change, and if no server could be used. */
export const LIFETIME_REPEAT_MS = 6 * 3_600_000
export const LIFETIME_RETRY_MS = 60_000

/** Questions from a socket of its own: so many, so far apart. */
export const SIDE_QUESTIONS_MAX = 3
export const SIDE_QUESTION_GAP_MS = 500

/** STUN servers that are asked whether they have a second address. */
export const DISCOVERY_SERVERS_MAX = 4

/** What is asked of a router; RFC 6886 section 3.3 recommends two hours. */
export const PORT_LIFETIME_S = 7_200

/** No grant is believed for longer than a day: what is asked for again at its half is asked for each twelve hours. */
export const PORT_LIFETIME_MS_MAX = 86_400_000

/** How long PCP, and NAT-PMP after it, have the first word before the next protocol is asked for a mapping. */
export const PCP_PATIENCE_MS = 1_000
export const NAT_PMP_PATIENCE_MS = 2_000

/** A mapping that is in doubt is given up unless the router confirms it within this: time to ask three times. */
export const PORT_DOUBT_MS = 10_000

/** For how long a refusal stands that names no time of its own, or an unreasonable one. */
export const PORT_REFUSAL_MS = 300_000
export const PORT_REFUSAL_MS_MIN = 30_000
export const PORT_REFUSAL_MS_MAX = 1_800_000

/**
 * IP packets of the mesh that every path is taken to carry until it has shown otherwise: what IPv6 asks of every link.
 * Less is possible for IPv4 alone: what is left where the underlay carries no more than that, and IPv6, UDP, a hub's frame
 * and WireGuard take their share.
 */
export const PATH_MTU_BASE = 1280
export const PATH_MTU_FLOOR = 1152

/** WireGuard pads to sixteen bytes: sizes in between make packets no longer. */
export const PATH_MTU_STEP = 16

/** So many in a row must be lost before it is the size that is to blame. */
export const PATH_MTU_TRIES = 3

/** How often the path in use is asked whether it still carries its largest packets, and any path whether it carries more. */
export const PATH_MTU_VERIFY_MS = 5_000
export const PATH_MTU_REPEAT_MS = 600_000
/** If it does not even carry the least, the path has other troubles. */
export const PATH_MTU_RETRY_MS = 30_000
