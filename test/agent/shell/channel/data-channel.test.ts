// SPDX-License-Identifier: Apache-2.0
import { cleanup, PeerConnection } from 'node-datachannel'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { DataChannelSession } from '../../../../agent/shell/channel/data-channel.ts'
import type { ChannelCandidate, IceCredentials } from '../../../../topology/signal.ts'

const DEADLINE = { timeout: 10_000, interval: 5 }

interface Side {
  readonly session: DataChannelSession
  readonly packets: string[]
  /** What it said of itself, what it found, and what became of it, in order. */
  readonly story: string[]
  ice: IceCredentials | undefined
  readonly candidates: ChannelCandidate[]
  /** Who is told of candidates, those found so far and those to come. */
  peer: Side | undefined
}

describe('a data channel session', () => {
  const open: DataChannelSession[] = []

  afterEach(() => {
    vi.useRealTimers()
    for (const session of open.splice(0)) session.close()
  })

  afterAll(() => cleanup())

  function side(remote: IceCredentials | null): Side {
    const story: string[] = []
    const packets: string[] = []
    const candidates: ChannelCandidate[] = []
    const tell = (found: readonly ChannelCandidate[]) => {
      candidates.push(...found)
      made.peer?.session.addCandidates(found)
    }
    const session = new DataChannelSession(
      { PeerConnection },
      {
        iceServers: [],
        remote,
        onDescription: (ice, found) => {
          made.ice = ice
          tell(found)
          story.push('described')
        },
        onCandidates: tell,
        onOpen: () => story.push('open'),
        onClosed: (reason) => story.push(`closed: ${reason}`),
        onPacket: (packet) => packets.push(packet.toString()),
      },
    )
    open.push(session)
    const made: Side = { session, packets, story, candidates, ice: undefined, peer: undefined }
    return made
  }

  const described = async (one: Side): Promise<IceCredentials> => {
    await expect.poll(() => one.ice, DEADLINE).toBeDefined()
    return one.ice!
  }

  function connect(from: Side, to: Side): void {
    from.peer = to
    to.session.addCandidates(from.candidates)
  }

  /** `pretend`: what the answerer signs in place of the truth. */
  async function pair(pretend: Partial<IceCredentials> = {}): Promise<[Side, Side]> {
    const offerer = side(null)
    const answerer = side(await described(offerer))
    connect(offerer, answerer)
    const answer = { ...(await described(answerer)), ...pretend }
    // Signals may overtake each other.
    connect(answerer, offerer)
    offerer.session.answered(answer)
    return [offerer, answerer]
  }

  it('lets nobody know where it is before it knows whose certificate to expect there', async () => {
    const offerer = side(null)
    const answerer = side(await described(offerer))
    const answer = await described(answerer)
    expect(answerer.candidates).not.toEqual([])
    expect(offerer.candidates).toEqual([])
    offerer.session.answered(answer)
    await expect.poll(() => offerer.candidates, DEADLINE).not.toEqual([])
  })

  it('carries packets both ways once both sides know each other, and ends on both when one closes it', async () => {
    const [a, b] = await pair()
    await expect.poll(() => [a.story.at(-1), b.story.at(-1)], DEADLINE).toEqual(['open', 'open'])
    a.session.send(Buffer.from('there'))
    await expect.poll(() => b.packets, DEADLINE).toEqual(['there'])
    b.session.send(Buffer.from('back'))
    await expect.poll(() => a.packets, DEADLINE).toEqual(['back'])
    a.session.close()
    expect(a.story.at(-1)).toBe('closed: closed by this side')
    await expect.poll(() => b.story.at(-1), DEADLINE).toMatch(/^closed: /)
  })

  it('carries a packet as large as WireGuard makes them', async () => {
    const [a, b] = await pair()
    await expect.poll(() => [a.story.at(-1), b.story.at(-1)], DEADLINE).toEqual(['open', 'open'])
    const packet = 'x'.repeat(1_452)
    await expect
      .poll(() => {
        a.session.send(Buffer.from(packet))
        return b.packets.includes(packet)
      }, DEADLINE)
      .toBe(true)
  })

  it('never opens to somebody whose DTLS certificate is not the one that was signed', async () => {
    const [a, b] = await pair({ fingerprint: new Uint8Array(32).fill(1) })
    await expect.poll(() => a.story.at(-1), DEADLINE).toMatch(/^closed: /)
    expect([...a.story, ...b.story]).not.toContain('open')
    a.session.send(Buffer.from('secret'))
    expect(b.packets).toEqual([])
  })

  it('never opens to somebody who does not know the password that was signed', async () => {
    const [a, b] = await pair({ password: 'x'.repeat(22) })
    // By then a session that is in order has come to stand, and this one began before it.
    const [c, d] = await pair()
    await expect.poll(() => [c.story.at(-1), d.story.at(-1)], DEADLINE).toEqual(['open', 'open'])
    expect([...a.story, ...b.story]).toEqual(['described', 'described'])
  })

  it('is given up after 15 s in which nobody answers, because the library never says so', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const one = side(null)
    vi.advanceTimersByTime(14_999)
    expect(one.story.some((word) => word.startsWith('closed'))).toBe(false)
    vi.advanceTimersByTime(1)
    expect(one.story.at(-1)).toBe('closed: no way to the peer within 15 s')
  })

  it('is closed once, whatever is asked of it afterwards', async () => {
    const one = side(null)
    const ice = await described(one)
    one.session.close()
    one.session.close()
    one.session.answered(ice)
    one.session.addCandidates(one.candidates)
    one.session.send(Buffer.from('x'))
    expect(one.story.filter((word) => word.startsWith('closed'))).toHaveLength(1)
  })
})
