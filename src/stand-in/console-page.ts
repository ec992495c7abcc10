/** The page for people at `/`: what this is, where everything is, and what has been asked of it so far. */

import { SERVICE_PATH } from './help-page.ts'
import { OPERATION } from './soap-read.ts'

export const CONSOLE_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stand-in of the chat service</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --dim: #888; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
  h1 { font-size: 1.4rem; margin-bottom: .2rem; }
  code { font-size: .9em; }
  .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); margin: 1.5rem 0; }
  .figures div { background: Canvas; padding: .7rem 1rem; }
  .figures b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
  .figures span, #state { color: var(--dim); font-size: .85rem; }
  table { border-collapse: collapse; width: 100%; }
  td, th { border-bottom: 1px solid var(--line); padding: .3rem 0; text-align: left; }
  td:last-child, th:last-child { text-align: right; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>Stand-in of the chat service</h1>
<p>This answers in place of the real SOAP service, for demos and tests: <code>${OPERATION}</code>, SOAP 1.1 and 1.2, as awkward as
the real one. The people in its answers are made up.</p>
<p><a href="${SERVICE_PATH}">Help page</a> · <a href="${SERVICE_PATH}?WSDL">WSDL</a> ·
<a href="/__requests">all requests</a> (NDJSON) · <a href="/__stats">figures</a> (JSON) ·
<a href="/__faults">behaviour</a> (JSON; POST to change it, DELETE for a good day). These three answer callers on this machine only.</p>
<div class="figures">
  <div><b id="calls">–</b><span>requests</span></div>
  <div><b id="rate">–</b><span>a second, now</span></div>
  <div><b id="maxInAnySlidingSecond">–</b><span>most in any second</span></div>
  <div><b id="inFlight">–</b><span>in flight</span></div>
  <div><b id="maxInFlight">–</b><span>most in flight</span></div>
</div>
<table><thead><tr><th>outcome</th><th>requests</th></tr></thead><tbody id="outcomes"></tbody></table>
<p id="state" role="status"></p>
<script>
  const show = (id, value) => { document.getElementById(id).textContent = value }
  const number = new Intl.NumberFormat()
  let before = null
  function row([outcome, count]) {
    const line = document.createElement('tr')
    line.append(...[outcome, number.format(count)].map((text) => Object.assign(document.createElement('td'), { textContent: text })))
    return line
  }
  async function refresh() {
    try {
      const answer = await fetch('/__stats')
      if (!answer.ok) return show('state', (await answer.json()).error)
      const stats = await answer.json()
      for (const id of ['calls', 'maxInAnySlidingSecond', 'inFlight', 'maxInFlight']) show(id, number.format(stats[id]))
      const now = performance.now()
      if (before) show('rate', number.format(Math.max(0, Math.round((stats.calls - before.calls) * 1000 / (now - before.now)))))
      before = { calls: stats.calls, now }
      document.getElementById('outcomes').replaceChildren(...Object.entries(stats.byOutcome).map(row))
      show('state', stats.dropped ? number.format(stats.dropped) + ' oldest requests are no longer listed.' : '')
    } catch {
      show('state', 'The stand-in does not answer any more.')
    }
    setTimeout(refresh, 1000)
  }
  refresh()
</script>
</body>
</html>
`
