// SPDX-License-Identifier: Apache-2.0
/** Tokens: made, shown once, listed, revoked. */
import { useEffect, useState } from 'preact/hooks'
import type { CreatedToken, RevokedToken, TokenReport } from '../shell/authority/admin-desk.ts'
import { get, post } from './api.ts'
import { ConfirmedAction, faultText } from './confirm.tsx'

const LIFETIMES: readonly (readonly [string, number])[] = [
  ['1 hour', 3_600_000],
  ['1 day', 86_400_000],
  ['7 days', 604_800_000],
]

export function TokenPage({ tell }: { readonly tell: (text: string) => void }) {
  const [tokens, setTokens] = useState<readonly TokenReport[]>([])
  const [created, setCreated] = useState<CreatedToken>()
  const [fault, setFault] = useState('')
  const load = () =>
    get<TokenReport[]>('/v1/tokens').then(setTokens, (error: unknown) => setFault(faultText(error)))
  useEffect(() => void load(), [])
  return (
    <section aria-labelledby="tokens-title">
      <h1 id="tokens-title">Tokens</h1>
      {fault !== '' && <p class="fault">{fault}</p>}
      <TokenForm
        onCreated={(token) => {
          setCreated(token)
          tell(`Token ${token.id.slice(0, 8)} was made`)
          void load()
        }}
      />
      {created && (
        <div class="notice">
          <label>
            Token {created.id.slice(0, 8)}, shown only now{' '}
            <textarea readOnly rows={3} class="mono" value={created.token} />
          </label>
          <p class="quiet">On the other host: meshgate join TOKEN</p>
        </div>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of tokens">
        <table>
          <thead>
            <tr>
              {['Id', 'State', 'Used', 'Expires (UTC)', 'Names', 'Tags', 'Action'].map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tokens.map((token) => (
              <tr key={token.id}>
                <th scope="row" class="mono">
                  {token.id.slice(0, 8)}
                </th>
                <td>{token.state}</td>
                <td>
                  {token.used} of {token.uses}
                </td>
                <td>{token.expires.slice(0, 16).replace('T', ' ')}</td>
                <td>{token.namePattern ?? 'any'}</td>
                <td>{token.tags.join(' ')}</td>
                <td>
                  {token.state === 'valid' && (
                    <ConfirmedAction
                      label="Revoke"
                      title={`Revoke token ${token.id.slice(0, 8)}?`}
                      danger
                      act={async () => {
                        const { used } = await post<RevokedToken>('/v1/tokens/revoke', {
                          id: token.id,
                        })
                        await load()
                        return `Token ${token.id.slice(0, 8)} is revoked; ${used} hosts that came with it stay`
                      }}
                      tell={tell}
                    >
                      <p>Nobody else can join with it. Hosts that came with it stay members.</p>
                    </ConfirmedAction>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function TokenForm({ onCreated }: { readonly onCreated: (token: CreatedToken) => void }) {
  const [uses, setUses] = useState(1)
  const [lifetimeMs, setLifetimeMs] = useState(LIFETIMES[0]![1])
  const [tags, setTags] = useState('')
  const [fault, setFault] = useState('')
  const create = async () => {
    setFault('')
    const list = tags.split(/[\s,]+/).filter((tag) => tag !== '')
    onCreated(await post<CreatedToken>('/v1/tokens', { uses, lifetimeMs, tags: list }))
  }
  return (
    <form
      class="bar"
      onSubmit={(event) => {
        event.preventDefault()
        create().catch((error: unknown) => setFault(faultText(error)))
      }}
    >
      <label>
        Hosts{' '}
        <input
          type="number"
          min={1}
          max={1000}
          value={uses}
          onInput={(event) => setUses(event.currentTarget.valueAsNumber)}
        />
      </label>
      <label>
        Valid for{' '}
        <select
          value={lifetimeMs}
          onInput={(event) => setLifetimeMs(Number(event.currentTarget.value))}
        >
          {LIFETIMES.map(([text, value]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        Tags <input value={tags} onInput={(event) => setTags(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary">
        Create token
      </button>
      <span role="alert" class="fault">
        {fault}
      </span>
    </form>
  )
}
