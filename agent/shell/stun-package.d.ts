// SPDX-License-Identifier: Apache-2.0
// The part of the `stun` package that we use; it ships no types of its own.
declare module 'stun' {
  interface StunAttribute {
    readonly value: unknown
  }
  interface StunPacket {
    readonly type: number
    readonly transactionId: Buffer
    getAttribute(type: number): StunAttribute | undefined
  }
  const stun: {
    createMessage(type: number, transaction: Buffer): StunPacket
    encode(message: StunPacket): Buffer
    /** Throws on anything that it cannot read. */
    decode(message: Buffer): StunPacket
  }
  export default stun
}
