import { Banner } from '../parts/banner.tsx'
import { NowCharts } from '../parts/now-charts.tsx'
import { NowFigures } from '../parts/now-figures.tsx'
import { status } from '../state/live.ts'
import { T } from '../texts.ts'

export function NowView() {
  const { value } = status
  return (
    <>
      <h2 class="unseen">{T.views.now}</h2>
      <Banner status={value} />
      <NowFigures status={value} />
      <NowCharts />
    </>
  )
}
