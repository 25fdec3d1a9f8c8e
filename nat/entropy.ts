// SPDX-License-Identifier: Apache-2.0
/**
 * Randomness is handed in. Secure in production, because transaction ids must not be guessable
 * (RFC 8489 section 5); seeded in simulation, so that a run can be repeated.
 */
export type Entropy = (length: number) => Uint8Array
