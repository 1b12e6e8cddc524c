import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { crashFiles, readCrash } from '../../fuzz/crash-file.js'
import { PLANTED_BUGS } from '../../fuzz/planted-bugs.js'
import { huntPlanted } from '../../fuzz/planted-run.js'
import type { RunResult } from '../../fuzz/run-target.js'
import { TARGETS } from '../../fuzz/targets.js'
import { Workspace } from '../../fuzz/workspace.js'

// A fuzzer that cannot find a planted bug is a defect. `npm run fuzz -- planted` hunts all of them.

const BUILD = join(import.meta.dirname, '..', '..')

t.test('every planted bug still has its place in the code', t => {
  for (const { file, find, replace, about } of PLANTED_BUGS) {
    const text = readFileSync(join(BUILD, file), 'utf8')
    t.equal(text.split(find).length - 1, 1, `${file}: ${about}`)
    t.not(find, replace)
  }
  t.ok(PLANTED_BUGS.length >= 20)
  t.end()
})

t.test('every target has a planted bug', t => {
  const targets = new Set(PLANTED_BUGS.map(({ target }) => target))
  for (const { name } of TARGETS) t.ok(targets.has(name), name)
  t.end()
})

t.test('a few of them are found at once, and so is an input that hangs', t => {
  const folder = mkdtempSync(join(BUILD, 'planted-'))
  const workspace = new Workspace(BUILD, folder)
  t.teardown(() => workspace.remove())
  const takeBack = workspace.plant({
    file: 'src/hpack/huffman.js',
    find: 'export function huffmanDecodedSize(',
    replace:
      'export function huffmanDecodedSize(source, start, end) { for (;;) if (start > end) return 0 }\nfunction unused(',
  })
  const order = {
    target: 'huffman',
    seed: 1,
    timeMs: 20_000,
    runsMax: 1_000,
    corpus: '',
    crashes: folder,
    hangMs: 1_000,
  }
  const program = join(folder, 'fuzz', 'run-target.js')
  const child = spawnSync(process.execPath, [program, JSON.stringify(order)], { encoding: 'utf8' })
  takeBack()
  const { failure } = JSON.parse(child.stdout) as RunResult
  t.match(failure?.kind, /^hangs: /)
  t.same(crashFiles(folder), [failure?.path])
  t.equal(readCrash(failure!.path).target, 'huffman')
  for (const target of ['frame-reader', 'hpack-round-trip', 'server-connection']) {
    const bug = PLANTED_BUGS.find(candidate => candidate.target === target)!
    const { found, kind } = huntPlanted(workspace, bug, 1)
    t.ok(found, `${target}: ${bug.about}`)
    t.not(kind, '')
  }
  t.end()
})
