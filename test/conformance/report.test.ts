import t from 'tap'
import { documentText, firstNotes, rowLine } from '../../scripts/conformance/report.js'
import { CI_SUITES, PARTS, SUITES } from '../../scripts/conformance/suites.js'
import { Tally } from '../../scripts/conformance/tally.js'

t.test('a row counts what passed, failed and was skipped, and why', async t => {
  const tally = new Tally('h2spec plain', 'v1')
  tally.pass()
  await tally.run('works', () => {})
  await tally.run('throws', () => {
    throw new Error('no')
  })
  await tally.run('rejects', () => Promise.reject(new Error('never')))
  tally.skip('Go is not installed.', 3)
  const { row } = tally
  t.match(row, { passed: 2, failed: 2, skipped: 3, total: 7, version: 'v1' })
  t.same(row.notes, ['FAILED throws: no', 'FAILED rejects: never', 'skipped: Go is not installed.'])
  t.match(rowLine(row), /^FAIL h2spec plain +2\/7, 3 skipped {2}v1$/)
  t.match(rowLine({ ...row, failed: 0 }), /^skip /, 'what was skipped has not passed')
  t.match(rowLine({ ...row, failed: 0, skipped: 0 }), /^ok /)
})

t.test('of many notes the reader gets the first, and how many there are', t => {
  const { row } = new Tally('a', '')
  const notes = Array.from({ length: 9 }, (_, index) => `note ${index}`)
  t.same(firstNotes({ ...row, notes }).slice(-2), ['note 5', 'and 3 more of that kind'])
  t.same(firstNotes({ ...row, notes: notes.slice(0, 6) }), notes.slice(0, 6))
  t.end()
})

t.test('the document has date, totals, a line for each row and the deviations', t => {
  const [tally, other] = [new Tally('connect client', 'v1.0.5'), new Tally('frames', '5c67db0')]
  tally.pass()
  other.fail('a case', 'two\nlines')
  const text = documentText(SUITES.slice(0, 2), [tally.row, other.row], new Date(0))
  t.match(text, /Last run: 1970-01-01, Node v.*: \*\*1 passed, 1 failed, 0 skipped\*\*\./)
  t.match(text, '| connect client | v1.0.5 | 1 | 0 | 0 | 1 |')
  t.match(text, '- frames: FAILED a case: two lines')
  t.match(text, `- **${SUITES[0]!.name}**: ${SUITES[0]!.about}.`)
  t.match(text, '| micro/go-micro#2671 |')
  t.end()
})

t.test('suites have names of their own; ci is a part of them', t => {
  const names = [...SUITES, ...PARTS].map(suite => suite.name)
  t.equal(new Set(names).size, names.length)
  for (const suite of CI_SUITES) t.ok(names.includes(suite.name), suite.name)
  for (const name of names) t.notOk(name === 'all' || name === 'ci')
  t.end()
})
