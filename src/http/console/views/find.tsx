import { FindForm } from '../parts/find-form.tsx'
import { FoundList } from '../parts/found-list.tsx'
import { LookUpNow } from '../parts/look-up-now.tsx'
import { Running } from '../parts/running.tsx'
import { StoryCard } from '../parts/story-card.tsx'
import { shownLookup } from '../state/find.ts'
import { T } from '../texts.ts'

export function FindView() {
  return (
    <>
      <h2>{T.views.find}</h2>
      <FindForm />
      <LookUpNow />
      {shownLookup.value === null ? null : <StoryCard key={shownLookup.value} lookupId={shownLookup.value} />}
      <Running />
      <FoundList />
    </>
  )
}
