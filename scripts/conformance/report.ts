import { writeFileSync } from 'node:fs'
import { DEVIATIONS } from './deviations.js'
import type { Suite } from './suite.js'
import type { Row } from './tally.js'

const NOTES_MAX = 6

/** One line for the terminal. */
export function rowLine(row: Row): string {
  const mark = row.failed > 0 ? 'FAIL' : row.skipped > 0 ? 'skip' : 'ok  '
  const count = `${row.passed}/${row.total}`.padStart(11)
  const rest = row.skipped > 0 ? `, ${row.skipped} skipped` : ''
  return `${mark} ${row.suite.padEnd(34)}${count}${rest}  ${row.version}`
}

/** The rows as JSON, without the notes. */
export function writeJson(path: string, rows: readonly Row[]): void {
  const plain = rows.map(({ notes: _notes, ...row }) => row)
  writeFileSync(path, `${JSON.stringify(plain, null, 2)}\n`)
}

/** docs/conformance.md: what was run, against what, when, with what result. */
export function writeDocument(
  path: string,
  suites: readonly Suite[],
  rows: readonly Row[],
  date: Date,
): void {
  writeFileSync(path, documentText(suites, rows, date))
}

/** The text of that document. */
export function documentText(suites: readonly Suite[], rows: readonly Row[], date: Date): string {
  const sum = (pick: (row: Row) => number) => rows.reduce((total, row) => total + pick(row), 0)
  const lines = [
    '# Conformance',
    '',
    'Written by `npm run conformance -- all --document`; do not edit. Everything is built by pinned',
    'version; a suite whose programs cannot be had on a machine counts as skipped, never as passed.',
    '`given` marks a program that came ready-made out of MICROWIRE_TOOLS: its version is as its giver says.',
    '',
    'Two programs cannot be built everywhere: the module proxy of this project answers 403 for the pinned',
    'commit of h2spec and for every version of go-micro v6. Where they are not given, h2spec v2.2.1 runs in',
    'place of the commit, with one case less for servers (the version column says so), and go-micro v6 is',
    'skipped; v5.30.0 always runs.',
    '',
    'CI runs a part of this, so that a cold run stays below twenty minutes: of the peers in other languages',
    'grpcio (wheels) and tonic (a debug build: half a minute on two cores) and go-micro v5, but not grpc-go,',
    'grpc-java (104 jars, and a Java for each case) or the older go-micro.',
    '',
    `Last run: ${date.toISOString().slice(0, 10)}, Node ${process.version}, ${process.platform} ${process.arch}: **${sum(row => row.passed)} passed, ` +
      `${sum(row => row.failed)} failed, ${sum(row => row.skipped)} skipped**.`,
    '',
    '| suite | against | passed | failed | skipped | total |',
    '| --- | --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      row =>
        `| ${row.suite} | ${row.version} | ${row.passed} | ${row.failed} | ${row.skipped} | ${row.total} |`,
    ),
    '',
    '## What each suite proves',
    '',
    ...suites.map(suite => `- **${suite.name}**: ${suite.about}.`),
    '',
  ]
  lines.push('## Where peers deviate', '', '| peer | what | reference |', '| --- | --- | --- |')
  for (const { peer, what, reference } of DEVIATIONS) {
    lines.push(`| ${peer} | ${what} | ${reference} |`)
  }
  lines.push('')
  const notes = rows.filter(row => row.notes.length > 0)
  if (notes.length > 0) {
    lines.push('## Notes', '')
    for (const row of notes)
      lines.push(...firstNotes(row).map(note => `- ${row.suite}: ${oneLine(note)}`))
    lines.push('')
  }
  return lines.join('\n')
}

/** The notes that a reader still reads; a row can have hundreds. */
export function firstNotes({ notes }: Row): readonly string[] {
  if (notes.length <= NOTES_MAX) return notes
  return [...notes.slice(0, NOTES_MAX), `and ${notes.length - NOTES_MAX} more of that kind`]
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 300)
}
