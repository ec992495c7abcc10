import { useEffect, useRef } from 'preact/hooks'
import { asked, leave } from '../state/action.ts'
import { ActionForm } from './action-form.tsx'

/** The one dialog of the page. The browser closes it with Esc, and gives the focus back to what opened it. */
export function Dialog() {
  const place = useRef<HTMLDialogElement>(null)
  const action = asked.value
  useEffect(() => {
    const dialog = place.current
    if (action && !dialog?.open) dialog?.showModal()
    if (!action && dialog?.open) dialog.close()
  }, [action])
  return (
    <dialog ref={place} aria-labelledby="dialog-title" onClose={leave}>
      {action ? <ActionForm key={action.title} action={action} /> : null}
    </dialog>
  )
}
