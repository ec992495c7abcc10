/** Alerts that do not come and go in the live run, and why. promtool's tests (prometheus/tests) have all of them. */
export const NOT_LIVE: Record<string, string> = {
  'ChatEnricherLookupsTakenBack (warning)': 'a lock lasts 30 s, and as long a worker must be dead',
  'ChatEnricherWorkersMissing (warning)':
    'no machine is so fast that three workers are too few for the limit of this run',
  'ChatEnricherRestarting (warning)': 'three starts within 30 s are not sure on a busy machine',
  'ChatEnricherEventLoopLag (warning)': 'no fault from outside makes a process busy',
  'ChatEnricherClockSkew (warning)': 'a clock is not for a test to set',
  'ChatEnricherCutOffFromRedis (warning)': 'the network between one worker and Redis, which all share here',
  'ChatEnricherRedisFull (critical)': 'a Redis that is full stops the run; the fault tests fill one',
  'ChatEnricherRedisFillsUp (warning)': 'it looks at the growth of six hours',
  'ChatEnricherNoProgress (critical)': 'a hold or Redis explains whatever stops this fleet, and then it is quiet',
}
