import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Workspace } from '../../fuzz/workspace.js'
import { findPlanted, PLANTED_BUGS } from '../../scripts/simulate/planted.js'

// `npm run simulate -- planted` hunts all of them; here, the quickest one.

const BUILD = join(import.meta.dirname, '..', '..')

t.setTimeout(90_000)

t.test('every bug planted for the simulation still has its place in the code', t => {
  for (const { file, find, replace, about } of PLANTED_BUGS) {
    const text = readFileSync(join(BUILD, file), 'utf8')
    t.equal(text.split(find).length - 1, 1, `${file}: ${about}`)
    t.not(find, replace)
  }
  t.end()
})

t.test('a simulation finds a lost return() within 30 s', t => {
  const workspace = new Workspace(BUILD, mkdtempSync(join(BUILD, 'planted-')))
  t.teardown(() => workspace.remove())
  const bug = PLANTED_BUGS.find(({ about }) => about.startsWith('a lost return()'))!
  const { found, text } = findPlanted(workspace, bug)
  t.ok(found, text)
  t.match(text, /^seed \d+ FAILED/)
  t.end()
})
