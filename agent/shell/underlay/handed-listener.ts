// SPDX-License-Identifier: Apache-2.0
/** libp2p's TCP transport on sockets that listen already, where there is one for an address. */
import type { CreateListenerOptions, Listener, Transport } from '@libp2p/interface'
import { tcp, type TCPComponents } from '@libp2p/tcp'
import type { Multiaddr } from '@multiformats/multiaddr'

type MakeTransport = (components: TCPComponents) => Transport

/** `descriptorOf`: of the socket that listens at an address, or undefined if one has to be opened. */
export function tcpTransport(
  descriptorOf: (address: Multiaddr) => number | undefined,
): MakeTransport {
  return (components) => {
    const transport = tcp({ dialOpts: { noDelay: true }, listenOpts: { noDelay: true } })(
      components,
    )
    const create = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const listener = create(options)
      const listen = listener.listen.bind(listener)
      listener.listen = (address) => {
        const fd = descriptorOf(address)
        return fd === undefined
          ? listen(address)
          : listenOn(listener, create(withDescriptor(options, fd)), address)
      }
      return listener
    }
    return transport
  }
}

/** The address is known only after the listener was made, and options only before: so another one listens for it. */
async function listenOn(listener: Listener, inner: Listener, address: Multiaddr): Promise<void> {
  for (const kind of ['listening', 'close'] as const)
    inner.addEventListener(kind, () => listener.safeDispatchEvent(kind))
  inner.addEventListener('error', ({ detail }) => listener.safeDispatchEvent('error', { detail }))
  listener.getAddrs = () => inner.getAddrs()
  listener.close = () => inner.close()
  await inner.listen(address)
}

/** Options of a listener are passed on to Node's `server.listen`, which takes a descriptor before an address. */
function withDescriptor(
  options: CreateListenerOptions,
  fd: number,
): CreateListenerOptions & { readonly fd: number } {
  return { ...options, fd }
}
