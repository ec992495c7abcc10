import { useSignal } from '@preact/signals'
import { T } from '../texts.ts'

/** Text to take along. Without a clipboard (plain HTTP on another machine) it is selected instead. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const copied = useSignal<string | null>(null)
  const copy = async (at: HTMLElement) => {
    try {
      await navigator.clipboard.writeText(text)
      copied.value = text
    } catch {
      getSelection()?.selectAllChildren(at.closest('.copy')?.querySelector('pre') as HTMLElement)
    }
  }
  return (
    <div class="copy stack">
      <div class="row between">
        <span class="soft small">{label}</span>
        <button type="button" onClick={(event) => void copy(event.currentTarget)}>
          {copied.value === text ? T.copied : T.copy}
        </button>
      </div>
      <pre>{text}</pre>
    </div>
  )
}
