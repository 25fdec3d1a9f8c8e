// SPDX-License-Identifier: Apache-2.0
/** How much a search for a direct path may cost, and when it takes place. Each number with its reason. */

/** Sockets that the hard side opens. With as many, 1,024 probes meet with 98 %. */
export const SPREAD_SOCKETS = 256

/** Probes of the easy side: as many as a small router's table of flows bears. */
export const SWEEP_PROBES = 1_024

/** Full pace of each side, which is reached after a second. Well below what a network takes for a flood. */
export const SPREAD_PER_SECOND = 200
export const SWEEP_PER_SECOND = 150

/** Sockets that the hard side opens where its ports are given out in sequence: that many neighbours to be met. */
export const RUN_SOCKETS = 16

/** Ports that are tried where they are given out in sequence: from the last one seen on, and some before it. */
export const RUN_AHEAD = 240
export const RUN_BEHIND = 16

/** Ports seen by different observers that are no further apart than this were given out in sequence. */
export const RUN_SPAN_MAX = 64

/** Where both sides' ports are given out in sequence, each tries so many of the other's. */
export const CROSSING_PROBES = 128

/** The lowest port that a NAT gives out (RFC 4787 section 4.2.1 keeps the well-known ones apart). */
export const PORT_MIN = 1_024

/** Addresses of one NAT's pool that are tried. */
export const POOL_ADDRESSES_MAX = 8

/** Time for plain checks to find a path before a search begins. */
export const SEARCH_GRACE_MS = 2_500

/** Searches begin at multiples of this on the clock that all hosts share: both sides of a pair at the same time. */
export const SEARCH_SLOT_MS = 5_000

/** The easy side begins so much later, so that it finds the other side's ports open. */
export const SWEEP_DELAY_MS = 1_500

/** For how long the hard side keeps its sockets: the other side's whole sweep, and clocks that differ by some seconds. */
export const SEARCH_MS = 15_000

/** Searches of one host at a time: a new one begins in each slot, and lasts for three. */
export const SEARCHES_AT_ONCE_MAX = 3

/**
 * After a search that found nothing a pair has one slot of so many, then of twice as many, and so on; then only if a NAT
 * changes. 80 s, a power of two of slots. Half of it would help the one pair in fifty whose first search misses, 40 s sooner;
 * every pair for which there is nothing to find would have spent all its probes in half the time.
 */
export const SEARCH_RETRY_SLOTS = 16
export const SEARCHES_PER_EPOCH_MAX = 5

/**
 * From one search for a peer to the next at least, whatever its records say: a member that names other people's addresses,
 * a new one each time, must not turn the others' searches into a stream. 30 s.
 */
export const SEARCH_GAP_SLOTS = 6
