// SPDX-License-Identifier: Apache-2.0
/** What agent/shell/door-trials.ts does, in the simulation: a member asks another one's port by STUN from a port of its own. */
import { addressParts, type TransportAddress, transportAddress } from '../../nat/address.ts'
import type { Frame } from './frame.ts'
import type { Host, SimulatedNetwork } from './network.ts'
import { simulatedStun } from './simulated-stun.ts'
import type { VirtualClock } from './virtual-clock.ts'

const FIRST_PORT = 61_000
const TRIAL_MS = 1_500
const GAP_MS = 300

let opened = 0

/** TCP is let in where UDP is: the simulated filters know no difference. */
export function tryDoor(
  {
    clock,
    network,
    host,
  }: { clock: VirtualClock; network: SimulatedNetwork<Frame>; host: Host<Frame> },
  to: TransportAddress,
  onEnd: (isOpen: boolean) => void,
): void {
  const isIpv6 = addressParts(to).family === 'ipv6'
  const ip = host.ips.find((own) => own.includes(':') === isIpv6)
  const port = FIRST_PORT + (opened++ % 4_000)
  const from = ip === undefined ? undefined : transportAddress(ip, port)
  if (from?.ok !== true) return onEnd(false)
  let isOver = false
  const end = (isOpen: boolean) => {
    if (isOver) return
    isOver = true
    host.ports.delete(port)
    onEnd(isOpen)
  }
  host.ports.set(port, (frame) => frame.kind === 'stun' && end(true))
  const payload = simulatedStun.encodeBindingRequest('0'.repeat(24))
  for (let atMs = 0; atMs < TRIAL_MS; atMs += GAP_MS)
    clock.after(atMs, () => {
      if (!isOver) network.send(host, from.value, to, { kind: 'stun', payload })
    })
  clock.after(TRIAL_MS, () => end(false))
}
