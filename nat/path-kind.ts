// SPDX-License-Identifier: Apache-2.0
/**
 * The kinds of path over which ciphertext can reach a peer, most wanted first. Every place that must treat kinds apart
 * switches over them exhaustively, so that the compiler names it when a kind is added here.
 *
 * | kind    | why it stands where it does                                                      |
 * | ------- | -------------------------------------------------------------------------------- |
 * | direct  | nobody in between: the shortest way, and nobody else's bandwidth                  |
 * | relay   | over one or two members, whose hosts are ours and usually near                    |
 * | turn    | over a server (RFC 8656) that somebody pays for, often over TCP, which adds delay |
 * | channel | over a WebRTC data channel, encrypted once more and by way of the agent: for networks that pass nothing else |
 */
export const PATH_KINDS = ['direct', 'relay', 'turn', 'channel'] as const

export type PathKind = (typeof PATH_KINDS)[number]
