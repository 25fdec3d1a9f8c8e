// SPDX-License-Identifier: Apache-2.0
/** Stands in every datagram of the lab's own traffic, to be looked for where it must not be seen. */
export const TRAFFIC_MARK = 'plain text of the lab'
