// SPDX-License-Identifier: Apache-2.0
import type { LinkChange } from './description.ts'

/** Bytes of IP packet that an ordinary link carries (RFC 894). */
const ethernetMtu = 1500

/** Applies a change to a link's settings; the result has each direction spelled out. */
export function mergeImpairments(before: LinkChange, change: LinkChange): LinkChange {
  const { out, in: inward, unplugged, mtu, mtuBlackhole, ...both } = change
  const {
    out: outBefore,
    in: inBefore,
    unplugged: unpluggedBefore,
    mtu: mtuBefore,
    mtuBlackhole: blackholeBefore,
    ...bothBefore
  } = before
  return {
    unplugged: unplugged ?? unpluggedBefore ?? false,
    mtu: mtu ?? mtuBefore ?? ethernetMtu,
    mtuBlackhole: mtuBlackhole ?? blackholeBefore ?? false,
    out: { ...bothBefore, ...outBefore, ...both, ...out },
    in: { ...bothBefore, ...inBefore, ...both, ...inward },
  }
}

/** What the interfaces at both ends are told, so that those who forward onto the link answer "too big". */
export function deviceMtu({ mtu = ethernetMtu, mtuBlackhole }: LinkChange): number {
  return mtuBlackhole === true ? Math.max(mtu, ethernetMtu) : mtu
}

/** What the link itself swallows in silence: packets above so many bytes; 0 for none. */
export function swallowedAbove({ mtu = ethernetMtu, mtuBlackhole }: LinkChange): number {
  return mtuBlackhole === true ? mtu : 0
}
