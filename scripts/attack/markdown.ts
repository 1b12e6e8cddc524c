import type { Row } from './row.js'

/** Longest answer in a cell. Unit: characters. */
const ANSWER_SIZE_MAX = 110

/** The rows as docs/reliability.md has them. */
export function attackTable(rows: readonly Row[]): string {
  const head = [
    'attack',
    'octets',
    'CPU ms',
    'kept KiB',
    'accounts KiB',
    'RSS MiB',
    'handlers',
    'connections',
    'gone after ms',
    'loop p99 ms (calm)',
    'answer',
    'afterwards',
  ]
  const align = head.map((_, index) => (index === 0 || index > 9 ? '---' : '---:'))
  const lines = rows.map(row => [
    `\`${row.attack}\``,
    String(row.octets),
    row.cpuMs.toFixed(0),
    kib(row.retained),
    kib(row.accounted),
    (row.rssGrowth / 1_048_576).toFixed(1),
    String(row.handlers),
    String(row.connections),
    row.disconnectMs?.toFixed(0) ?? 'lives',
    `${row.loopDelayP99.toFixed(1)} (${row.loopDelayBeforeP99.toFixed(1)})`,
    cut(row.answer),
    row.state,
  ])
  return [head, align, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

function kib(octets: number): string {
  return (octets / 1_024).toFixed(0)
}

function cut(text: string): string {
  const line = text.replaceAll('|', '\\|')
  return line.length > ANSWER_SIZE_MAX ? `${line.slice(0, ANSWER_SIZE_MAX)} …` : line
}
