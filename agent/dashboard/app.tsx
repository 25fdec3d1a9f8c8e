// SPDX-License-Identifier: Apache-2.0
/** The page as a whole: logging in by the link, what is shown for which address, and what was last told. */
import { type ComponentChildren, render } from 'preact'
import { useCallback, useEffect, useState } from 'preact/hooks'
import type { Status } from '../core/status.ts'
import type { NodeReport } from '../shell/authority/admin-desk.ts'
import { get, post } from './api.ts'
import { faultText } from './confirm.tsx'
import { EventList } from './event-list.tsx'
import { MeshMap } from './mesh-map.tsx'
import { NodePage } from './node-page.tsx'
import { NodeTable } from './node-table.tsx'
import { usePolled } from './polled.ts'
import { SelfPage } from './self-page.tsx'
import { TokenPage } from './token-page.tsx'

const VIEWS = [
  ['map', 'Map'],
  ['nodes', 'Nodes'],
  ['events', 'Events'],
  ['tokens', 'Tokens'],
  ['self', 'This host'],
] as const

function App() {
  const { value: status, fault } = usePolled('status', () => get<Status>('/v1/status'))
  const nodes = usePolled(status?.self.authority === true ? 'nodes' : undefined, () =>
    get<NodeReport[]>('/v1/nodes'),
  )
  const waiting = (nodes.value ?? []).filter(({ state }) => state === 'waiting')
  const [told, setTold] = useState('')
  const address = useAddress()
  const tell = useCallback((text: string) => setTold(text), [])
  const faults = [...new Set([fault, nodes.fault])].filter((text) => text !== '')
  const [view = 'map', name = ''] = address
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), focusMain())}>
        Skip to content
      </a>
      <header>
        <span class="brand">meshgate</span>
        {status && (
          <>
            <nav aria-label="Views">
              {VIEWS.filter(([key]) => key !== 'tokens' || status.self.authority).map(
                ([key, title]) => (
                  <a
                    key={key}
                    href={`#/${key}`}
                    aria-current={isHere(view, key) ? 'page' : undefined}
                  >
                    {title}
                  </a>
                ),
              )}
            </nav>
            <span class="where">
              {status.self.name} in {status.self.network}
            </span>
            <button
              type="button"
              onClick={() => void post('/logout').finally(() => location.reload())}
            >
              Log out
            </button>
          </>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {faults.length > 0 && (
          <p role="alert" class="fault">
            {faults.join('; ')}
          </p>
        )}
        {status ? (
          <View view={view} name={name} status={status} waiting={waiting} tell={tell} />
        ) : (
          <Login waits={fault === ''} />
        )}
      </main>
      <p role="status" aria-live="polite" class={told === '' ? 'told' : 'told shown'}>
        {told}
      </p>
    </>
  )
}

interface ViewProps {
  readonly view: string
  readonly name: string
  readonly status: Status
  readonly waiting: readonly NodeReport[]
  readonly tell: (text: string) => void
}

function View({ view, name, status, waiting, tell }: ViewProps): ComponentChildren {
  switch (view) {
    case 'nodes':
      return <NodeTable status={status} waiting={waiting} tell={tell} />
    case 'events':
      return <EventList />
    case 'tokens':
      return <TokenPage tell={tell} />
    case 'self':
      return <SelfPage status={status} tell={tell} />
    case 'node': {
      const peer = status.peers.find((one) => one.name === name || one.nodeId === name)
      if (peer === undefined) return <p>No member is called {name}.</p>
      const mayChange = status.self.authority
      return <NodePage key={peer.nodeId} peer={peer} mayChange={mayChange} tell={tell} />
    }
    default:
      return <MeshMap status={status} />
  }
}

function Login({ waits }: { readonly waits: boolean }) {
  return (
    <section aria-labelledby="login-title">
      <h1 id="login-title">{waits ? 'Logging in' : 'Not logged in'}</h1>
      {!waits && (
        <p>
          Run <code>meshgate dashboard</code> on this host, and open the link that it prints. A link
          works once, within a minute.
        </p>
      )}
    </section>
  )
}

function isHere(view: string, key: string): boolean {
  return view === key || (view === 'node' && key === 'nodes')
}

function focusMain(): void {
  document.getElementById('main')?.focus({ preventScroll: true })
  scrollTo(0, 0)
}

/** The parts of `#/node/web-1`. Whoever goes elsewhere by keyboard finds the focus there. */
function useAddress(): string[] {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = () => {
      setHash(location.hash)
      focusMain()
    }
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return hash
    .replace(/^#\//, '')
    .split('/')
    .map(decodeURIComponent)
    .filter((part) => part !== '')
}

/** The link's secret leaves the address bar and the history before anything else happens. */
async function logIn(): Promise<string> {
  const link = /^#login=([0-9a-f]+)$/.exec(location.hash)?.[1]
  if (link === undefined) return ''
  history.replaceState(null, '', '/#/map')
  try {
    await post('/login', { link })
    return ''
  } catch (error) {
    return faultText(error)
  }
}

const refusal = await logIn()
render(refusal === '' ? <App /> : <Refused text={refusal} />, document.body)

function Refused({ text }: { readonly text: string }) {
  return (
    <main>
      <h1>Not logged in</h1>
      <p role="alert" class="fault">
        {text}
      </p>
    </main>
  )
}
