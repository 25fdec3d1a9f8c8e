// SPDX-License-Identifier: Apache-2.0
/** What the holder of the network's key may do about a member. */
import { useState } from 'preact/hooks'
import type { PeerStatus } from '../core/status.ts'
import type { EditedNode, RevokedNode } from '../shell/authority/admin-desk.ts'
import { post } from './api.ts'
import { ConfirmedAction } from './confirm.tsx'

export function NodeActions(props: { peer: PeerStatus; tell: (text: string) => void }) {
  const { peer, tell } = props
  const [name, setName] = useState(peer.name)
  const [tags, setTags] = useState(peer.tags.join(' '))
  const edit = async () => {
    const list = tags.split(/[\s,]+/).filter((tag) => tag !== '')
    const wish = { node: peer.nodeId, tags: list, ...(name === peer.name ? {} : { name }) }
    const edited = await post<EditedNode>('/v1/nodes/edit', wish)
    if (edited.name !== peer.name) location.hash = `#/node/${encodeURIComponent(peer.nodeId)}`
    return `${edited.name} has a new certificate`
  }
  const shutOut = (what: 'revoke' | 'remove') => async () => {
    const { name: called } = await post<RevokedNode>(`/v1/nodes/${what}`, { node: peer.nodeId })
    return `${called} is out; the members hear of it now`
  }
  return (
    <div class="actions left" role="group" aria-label="Actions">
      <ConfirmedAction label="Edit" title={`Edit ${peer.name}`} act={edit} tell={tell}>
        <label>
          Name <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          Tags <input value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
        </label>
        <p class="quiet">It gets a new certificate, which travels to it by itself.</p>
      </ConfirmedAction>
      <ConfirmedAction
        label="Remove"
        title={`Remove ${peer.name}?`}
        danger
        act={shutOut('remove')}
        tell={tell}
      >
        <p>Gives back name and address of a member that is gone. One that is here stays.</p>
      </ConfirmedAction>
      <ConfirmedAction
        label="Revoke"
        title={`Shut ${peer.name} out?`}
        danger
        act={shutOut('revoke')}
        tell={tell}
      >
        <p>Every other member drops it within seconds. It can come back with a new token only.</p>
      </ConfirmedAction>
    </div>
  )
}
