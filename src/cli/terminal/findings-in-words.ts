/** What `doctor` shows to people: a line each, and what to do below it. */

import type { Finding, FindingStatus } from '../../app/doctor.ts'

export function findingsInWords(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.map(({ check, status, says, cure }) => {
    const line = `${status}  ${check.padEnd(width)}  ${says}`
    return cure === null ? line : `${line}\n${' '.repeat(width + 8)}do: ${cure}`
  })
  return [...lines, sumOf(findings)].join('\n')
}

function sumOf(findings: readonly Finding[]): string {
  const count = (wanted: FindingStatus) => findings.filter(({ status }) => status === wanted).length
  return `${findings.length} checked: ${count('fail')} fail, ${count('warn')} warn`
}
