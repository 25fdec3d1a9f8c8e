// SPDX-License-Identifier: Apache-2.0
/**
 * SWIM with Lifeguard's additions: each member asks one other a second whether it is there, and tells what it has heard
 * along with it, so that the cost for each does not grow with the group. Pure: datagrams and ticks in, datagrams and changes of
 * life out.
 */
import { earliest, type Instant, later } from '../nat/clock.ts'
import type { Entropy } from '../nat/entropy.ts'
import { takeNews, type Update } from './dissemination.ts'
import { drawn, nextTarget, type Probe } from './failure-detector.ts'
import { noticeHealth, scaled } from './local-health.ts'
import { suspicionDeadline } from './suspicion.ts'
import { type SwimMessage, type SwimMessageType, UPDATES_MAX } from './swim-codec.ts'
import {
  doubt,
  expireSuspicions,
  PERIOD_MS,
  type Relayed,
  type Swim,
  type SwimEffect,
  takeUpdate,
  TIMEOUT_MS,
} from './swim-group.ts'

const ASKED_MAX = 3

/** Who was given up is asked now and then all the same, so that the halves of a split find each other again. */
const FAILED_EVERY = 5

/** Probes on behalf of others at once. */
const RELAYED_MAX = 64

/** Most of the time that the asker waits. */
const NACK_AFTER_MS = 0.8 * TIMEOUT_MS

export function swimTick(swim: Swim, now: Instant, entropy: Entropy): SwimEffect[] {
  return [
    ...expireSuspicions(swim, now),
    ...expireRelayed(swim, now),
    ...goOn(swim, now, entropy),
    ...beginPeriod(swim, now, entropy),
  ]
}

/** `from`: the mesh address that the datagram came from, which WireGuard has proven. */
export function swimReceive(
  swim: Swim,
  from: string,
  message: SwimMessage,
  now: Instant,
): SwimEffect[] {
  const sender = swim.members.get(from)
  if (sender === undefined) return []
  sender.heard = true
  const effects = message.updates.flatMap((update) => takeUpdate(swim, update, from, now))
  switch (message.type) {
    case 'ping':
      if (message.target !== swim.self) return effects
      return [...effects, send(swim, from, 'ack', message.sequence, swim.self)]
    case 'ping-req':
      return [...effects, ...askFor(swim, from, message, now)]
    case 'ack':
      return [...effects, ...takeAck(swim, from, message)]
    case 'nack':
      if (swim.detector.probe?.sequence === message.sequence) swim.detector.probe.asked.delete(from)
      return effects
  }
}

export function swimDeadline(swim: Swim): Instant {
  const { probe } = swim.detector
  const times: (Instant | undefined)[] = [swim.nextPeriodAt]
  if (probe !== undefined && !probe.answered) times.push(probe.hasAsked ? probe.endAt : probe.askAt)
  for (const address of swim.suspects) {
    const suspicion = swim.members.get(address)?.suspicion
    if (suspicion !== undefined) times.push(suspicionDeadline(suspicion))
  }
  for (const { nacked, nackAt, endAt } of swim.relayed.values()) times.push(nacked ? endAt : nackAt)
  return earliest(times) ?? swim.nextPeriodAt
}

/** The probe of this period: others are asked when it took too long, and in the end the target is doubted. */
function goOn(swim: Swim, now: Instant, entropy: Entropy): SwimEffect[] {
  const { probe } = swim.detector
  if (probe === undefined || probe.answered) return []
  if (now >= probe.endAt) return giveUp(swim, probe, now)
  if (probe.hasAsked || now < probe.askAt) return []
  probe.hasAsked = true
  const asked = drawn(
    swim.detector.order,
    ASKED_MAX,
    (member) => member !== probe.target && swim.members.get(member)?.claim.life === 'alive',
    entropy,
  )
  for (const member of asked) probe.asked.add(member)
  return asked.map((member) => send(swim, member, 'ping-req', probe.sequence, probe.target))
}

function giveUp(swim: Swim, probe: Probe, now: Instant): SwimEffect[] {
  swim.detector.probe = undefined
  const member = swim.members.get(probe.target)
  if (member === undefined || member.claim.life === 'failed') return []
  // Those asked that did not even say that they had no answer: it may be us that nobody hears.
  for (const _ of probe.asked) noticeHealth(swim.health, 'nack-missed')
  return doubt(swim, member, now)
}

function beginPeriod(swim: Swim, now: Instant, entropy: Entropy): SwimEffect[] {
  if (now < swim.nextPeriodAt) return []
  swim.periods += 1
  const endAt = later(now, scaled(swim.health, PERIOD_MS))
  swim.nextPeriodAt = endAt
  const target = chooseTarget(swim, entropy)
  if (target === undefined) return []
  const sequence = nextSequence(swim)
  const askAt = later(now, scaled(swim.health, TIMEOUT_MS))
  swim.detector.probe = {
    target,
    sequence,
    askAt,
    endAt,
    answered: false,
    asked: new Set(),
    hasAsked: swim.failed.has(target),
  }
  return [send(swim, target, 'ping', sequence, target)]
}

function chooseTarget(swim: Swim, entropy: Entropy): string | undefined {
  if (swim.failed.size > 0 && swim.periods % FAILED_EVERY === 0) {
    const [failed] = drawn([...swim.failed], 1, () => true, entropy)
    if (failed !== undefined) return failed
  }
  const isIn = (address: string) => {
    const life = swim.members.get(address)?.claim.life
    return life === 'alive' || life === 'suspect'
  }
  return nextTarget(swim.detector, swim.members.keys(), isIn, entropy)
}

function askFor(swim: Swim, asker: string, message: SwimMessage, now: Instant): SwimEffect[] {
  const { target } = message
  if (!swim.members.has(target) || swim.relayed.size >= RELAYED_MAX) return []
  const sequence = nextSequence(swim)
  swim.relayed.set(sequence, {
    asker,
    sequence: message.sequence,
    target,
    nackAt: later(now, NACK_AFTER_MS),
    endAt: later(now, PERIOD_MS),
    nacked: false,
  })
  return [send(swim, target, 'ping', sequence, target)]
}

function takeAck(swim: Swim, from: string, { sequence, target }: SwimMessage): SwimEffect[] {
  const { probe } = swim.detector
  if (probe?.sequence === sequence && probe.target === target && !probe.answered) {
    if (from === target || probe.asked.has(from)) {
      probe.answered = true
      noticeHealth(swim.health, 'answered')
    }
    return []
  }
  const relayed = swim.relayed.get(sequence)
  if (relayed === undefined || relayed.target !== from) return []
  swim.relayed.delete(sequence)
  return [send(swim, relayed.asker, 'ack', relayed.sequence, relayed.target)]
}

function expireRelayed(swim: Swim, now: Instant): SwimEffect[] {
  const effects: SwimEffect[] = []
  for (const [sequence, relayed] of swim.relayed) {
    if (relayed.endAt <= now) swim.relayed.delete(sequence)
    else if (!relayed.nacked && relayed.nackAt <= now) effects.push(nack(swim, relayed))
  }
  return effects
}

function nack(swim: Swim, relayed: Relayed): SwimEffect {
  relayed.nacked = true
  return send(swim, relayed.asker, 'nack', relayed.sequence, relayed.target)
}

/** With our own incarnation, what we doubt of the receiver, so that it can object, and news. */
function send(
  swim: Swim,
  to: string,
  type: SwimMessageType,
  sequence: number,
  target: string,
): SwimEffect {
  const { members, self, incarnation, news } = swim
  const updates: Update[] = [{ life: 'alive', incarnation, member: self, by: self }]
  const receiver = members.get(to)
  if (receiver !== undefined && receiver.claim.life !== 'alive')
    updates.push({ ...receiver.claim, member: to, by: self })
  updates.push(...takeNews(news, UPDATES_MAX - updates.length, members.size + 1))
  return { kind: 'send', to, message: { type, sequence, target, updates } }
}

function nextSequence(swim: Swim): number {
  swim.sequence = (swim.sequence + 1) % 2 ** 32
  return swim.sequence
}
