import type { CellResult } from './run-cell.js'

/** The results as a table for a terminal: what failed first, then the slowest. */
export function resultTable(results: readonly CellResult[]): string {
  const ordered = [...results].sort(
    (a, b) =>
      Number(b.problems.length > 0) - Number(a.problems.length > 0) || b.seconds - a.seconds,
  )
  const width = Math.max(10, ...ordered.map(result => result.name.length))
  const head = `     ${'cell'.padEnd(width)}  seconds  grpc-js  p99 ms  grpc-js  held ms`
  const lines = [head]
  for (const result of ordered) {
    lines.push(resultLine(result, width))
    for (const problem of result.problems) lines.push(`       ${problem}`)
  }
  return lines.join('\n')
}

/** One line of it. */
export function resultLine(result: CellResult, width: number = 0): string {
  const { name, problems, seconds, peerSeconds, otherP99Ms, peerP99Ms, heldMs } = result
  const mark = problems.length > 0 ? 'FAIL' : 'ok  '
  const columns = [
    seconds.toFixed(2).padStart(7),
    (peerSeconds?.toFixed(2) ?? '').padStart(7),
    otherP99Ms.toFixed(0).padStart(6),
    (peerP99Ms?.toFixed(0) ?? '').padStart(7),
    heldMs.toFixed(0).padStart(7),
  ]
  return `${mark} ${name.padEnd(width)}  ${columns.join('  ')}`
}
