// SPDX-License-Identifier: Apache-2.0
/** Numbers that we chose, each with its reason. */

/** A node repeats itself at this pace, so that others know it lives even if nothing changed. */
export const RECORD_REFRESH_MS = 60_000

/** Two records of one node are at least this far apart, so that a burst of changes becomes one record. */
export const RECORD_GAP_MS = 100

/** For how long a restarted node stands by what it said before, while helper and STUN servers are asked. */
export const OWN_RECORD_HOLD_MS = 3_000

/** A member that was asked to try our addresses has said by then what it found, its own patience included. */
export const DIAL_BACK_ANSWER_MS = 4_000

/** How long an address that nobody could try is kept back. */
export const DIAL_BACK_PATIENCE_MS = 10_000

/** When addresses are tried again: those that are open, in case a rule was changed, and those that are shut. */
export const DIAL_BACK_REPEAT_MS = 1_800_000
export const DIAL_BACK_RETRY_MS = 300_000

/** Silence after which a member is doubted, and after which it is given up: one and a half, and three refreshes. */
export const SUSPECT_AFTER_MS = 90_000
export const FAILED_AFTER_MS = 180_000

/** Probes that checks may send: burst, and pace. The helper refuses more than 500 a second. */
export const PROBE_BURST = 50
export const PROBES_PER_SECOND = 300

/** Once the budget is used up, probes wait for so many more: 33 ms. */
export const PROBE_BATCH = 10

/** Gossip links that a node keeps of its own accord. Enough that the loss of some is no partition. */
export const DIAL_TARGETS_MAX = 4

/** Gossip links over mesh addresses, while there is no other. */
export const MESH_TARGETS_MAX = 4

/** Server-reflexive candidates that a record names; a symmetric NAT shows a new one to each server. */
export const REFLEXIVE_CANDIDATES_MAX = 3

/** Ways out of the host that are tried beside the kernel's first choice: four uplinks in all. */
export const SPARE_UPLINKS_MAX = 3

/** Addresses on TURN servers that a record names: one may be on a server that dies. */
export const RELAYED_CANDIDATES_MAX = 2

/** Peers whose word on our mapping is kept. */
export const PEER_OBSERVERS_MAX = 8

/**
 * Pause between two looks at the default route. Changes of links are told by the helper, but a route comes and goes
 * a moment after its link's address, and a lease of DHCP may bring another one.
 */
export const GATEWAY_LOOK_MS = 30_000

/** So long others take to hear that a gateway drains, and to make ready. */
export const PREFIX_HOLD_MS = 1_000

/** So long after that an answer may still be on its way over a gateway that was left. */
export const LATE_ANSWER_MS = 10_000

/** So long no path to a gateway has answered when its prefixes go to another one. A helper that begins anew takes less. */
export const GATEWAY_LOST_MS = 2_000

/** So long it has answered again when they go back: paths that come up one after the other are no reason to move twice. */
export const GATEWAY_BACK_MS = 5_000

/** Time in which a proven path must answer the helper as well; the helper itself gives up after 3 s. */
export const PATH_TRIAL_MS = 5_000

/** The certificate is looked at so often, in case the wall clock was set. */
export const RENEWAL_LOOK_MS = 3_600_000

/** Pause after the first failed renewal, doubled from one to the next within these bounds. */
export const RENEWAL_RETRY_MS = 15_000
export const RENEWAL_RETRY_MS_MIN = 1_000
export const RENEWAL_RETRY_MS_MAX = 3_600_000

/** Certificates of others are looked at so often, at the moment when one runs out, and never in a hurry. */
export const EXPIRY_LOOK_MS = 60_000
export const EXPIRY_LOOK_MS_MIN = 250

/** Records of our own that we did not make: a restored state makes one, a clock that was set back another. */
export const TWIN_CERTAIN = 3
