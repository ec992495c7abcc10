/** Where the page begins. */

import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './style.css'
import { App } from './app.tsx'
import { loadSession } from './state/session.ts'

void loadSession()
render(<App />, document.getElementById('app') as HTMLElement)
