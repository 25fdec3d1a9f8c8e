// SPDX-License-Identifier: Apache-2.0
/** The desk of a running agent, over the local API. */
import type { AdminDesk } from '../authority/admin-desk.ts'
import type { ApiClient } from './api-client.ts'

export function apiDesk(client: ApiClient): AdminDesk {
  return {
    createToken: (request) => client.post('/v1/tokens', request),
    tokens: () => client.get('/v1/tokens'),
    revokeToken: (id) => client.post('/v1/tokens/revoke', { id }),
    nodes: () => client.get('/v1/nodes'),
    node: (node) => client.get(`/v1/node?node=${encodeURIComponent(node)}`),
    editNode: (node, edit) => client.post('/v1/nodes/edit', { node, ...edit }),
    revokeNode: (node) => client.post('/v1/nodes/revoke', { node }),
    removeNode: (node) => client.post('/v1/nodes/remove', { node }),
    decide: (node, decision) =>
      client.post(`/v1/nodes/${decision === 'approved' ? 'approve' : 'refuse'}`, { node }),
  }
}
