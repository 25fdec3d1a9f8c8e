// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from 'preact/hooks'
import { ApiError } from './api.ts'
import { faultText } from './confirm.tsx'

const REFRESH_MS = 2_000

export interface Polled<T> {
  /** What was last told; it stays while the agent does not answer. */
  readonly value: T | undefined
  readonly fault: string
  /** Asks now, and lets an answer to an earlier question go unheard. */
  readonly again: () => void
}

/** Asks again and again for as long as the page shows it, or the session lasts. Without a key nothing is asked. */
export function usePolled<T>(
  key: string | undefined,
  ask: () => Promise<T>,
  everyMs = REFRESH_MS,
): Polled<T> {
  const [told, setTold] = useState<{ key?: string; value?: T; fault: string }>({ fault: '' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    if (key === undefined) return
    let gone = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const load = async () => {
      try {
        const value = await ask()
        if (!gone) setTold({ key, value, fault: '' })
      } catch (error) {
        if (gone) return
        const isOver = error instanceof ApiError && error.code === 'logged-out'
        const fault = faultText(error)
        setTold((last) => (isOver || last.key !== key ? { key, fault } : { ...last, fault }))
        if (isOver) return
      }
      if (!gone) timer = setTimeout(() => void load(), everyMs)
    }
    void load()
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [key, asked])
  const isOfThis = key !== undefined && told.key === key
  return {
    value: isOfThis ? told.value : undefined,
    fault: isOfThis ? told.fault : '',
    again: () => setAsked((times) => times + 1),
  }
}
