// SPDX-License-Identifier: Apache-2.0
/** The desk of a running agent, over the local API. */
import type {
  AdminDesk,
  CreatedToken,
  DecidedNode,
  Decision,
  EditedNode,
  MemberReport,
  NodeReport,
  RevokedNode,
  RevokedToken,
  TokenReport,
  TokenRequest,
} from '../authority/admin-desk.ts'
import type { MemberEdit } from '../authority/change-member.ts'
import type { ApiClient } from './api-client.ts'

export function apiDesk(client: ApiClient): AdminDesk {
  return {
    createToken: (request: TokenRequest) => client.post<CreatedToken>('/v1/tokens', request),
    tokens: () => client.get<TokenReport[]>('/v1/tokens'),
    revokeToken: (id) => client.post<RevokedToken>('/v1/tokens/revoke', { id }),
    nodes: () => client.get<NodeReport[]>('/v1/nodes'),
    node: (node) => client.get<MemberReport>(`/v1/node?node=${encodeURIComponent(node)}`),
    editNode: (node, edit: MemberEdit) =>
      client.post<EditedNode>('/v1/nodes/edit', { node, ...edit }),
    revokeNode: (node) => client.post<RevokedNode>('/v1/nodes/revoke', { node }),
    removeNode: (node) => client.post<RevokedNode>('/v1/nodes/remove', { node }),
    decide: (node, decision: Decision) =>
      client.post<DecidedNode>(`/v1/nodes/${decision === 'approved' ? 'approve' : 'refuse'}`, {
        node,
      }),
  }
}
