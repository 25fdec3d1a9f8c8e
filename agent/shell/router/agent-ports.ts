// SPDX-License-Identifier: Apache-2.0
import type { Node } from '../../core/state.ts'
import type { Loop } from '../loop.ts'
import { readDefaultRoutes } from './default-gateway.ts'
import { PortMapper } from './port-mapper.ts'

/** The router in front of a running agent: the one that traffic outside of the mesh goes to. */
export function agentPorts(node: Node, loop: Pick<Loop, 'dispatch'>): PortMapper {
  return new PortMapper({
    findRoute: () => {
      const { interfaceName, isExcludedInterface } = node.config
      return readDefaultRoutes((name) => name === interfaceName || isExcludedInterface(name)).ipv4
    },
    onEvent: (event) => loop.dispatch(event),
  })
}
