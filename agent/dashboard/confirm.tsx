// SPDX-License-Identifier: Apache-2.0
/** Asking before anything is changed, and telling what came of it. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from './api.ts'

export interface ActionProps {
  readonly label: string
  readonly title: string
  readonly danger?: boolean
  readonly children: ComponentChildren
  readonly act: () => Promise<string>
  readonly tell: (text: string) => void
}

/** A button that opens a dialog; only the dialog's own button acts. Escape and Cancel change nothing. */
export function ConfirmedAction({ label, title, danger, children, act, tell }: ActionProps) {
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState('')
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (open) dialog.current?.showModal()
  }, [open])
  const close = () => dialog.current?.close()
  const confirm = async () => {
    setBusy(true)
    try {
      tell(await act())
      close()
    } catch (error) {
      setFault(faultText(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button type="button" class={danger ? 'danger' : ''} onClick={() => setOpen(true)}>
        {label}
      </button>
      {open && (
        <dialog ref={dialog} aria-label={title} onClose={() => (setOpen(false), setFault(''))}>
          <h2>{title}</h2>
          {children}
          <p role="alert" class="fault">
            {fault}
          </p>
          <div class="actions">
            <button type="button" onClick={close}>
              Cancel
            </button>
            <button
              type="button"
              class={danger ? 'danger' : 'primary'}
              disabled={busy}
              onClick={() => void confirm()}
            >
              {label}
            </button>
          </div>
        </dialog>
      )}
    </>
  )
}

export function faultText(error: unknown): string {
  if (error instanceof ApiError)
    return error.remedy === '' ? error.message : `${error.message}: ${error.remedy}`
  return error instanceof Error ? error.message : String(error)
}
