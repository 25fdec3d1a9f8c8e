// SPDX-License-Identifier: Apache-2.0
/** What is asked of a UPnP gateway (WANIPConnection:1 and 2), and what can come of it. */
import type { Transport } from './port-lease.ts'

export type UpnpRequest =
  | { readonly action: 'discover' }
  | {
      readonly action: 'map'
      readonly transport: Transport
      readonly internalPort: number
      readonly externalPort: number
      readonly lifetimeS: number
    }
  | { readonly action: 'unmap'; readonly transport: Transport; readonly externalPort: number }

/**
 * no-answer: nothing speaks UPnP there. no-service: something does, and it maps no ports.
 * unreachable: it was found, and answers no more. malformed: what it says makes no sense.
 * refused: it said no; `code` says why, in its own numbers.
 */
export type UpnpFault = 'no-answer' | 'no-service' | 'unreachable' | 'malformed' | 'refused'

export type UpnpResult =
  | { readonly outcome: 'found' }
  | {
      readonly outcome: 'mapped'
      readonly transport: Transport
      readonly internalPort: number
      readonly externalIp: string
      readonly externalPort: number
      readonly lifetimeS: number
    }
  | {
      readonly outcome: 'failed'
      readonly request: UpnpRequest
      readonly fault: UpnpFault
      readonly code?: number
    }
