import { join } from 'node:path'
import t from 'tap'
import { crashFiles, readCrash, writeCrash } from '../../fuzz/crash-file.js'
import { loadTarget } from '../../fuzz/targets.js'

// Every input that once failed, and must not again.

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'fuzz', 'crashes')

for (const path of crashFiles(FOLDER)) {
  const { target, about, bytes } = readCrash(path)
  t.test(`${target}: ${about}`, async () => {
    await (await loadTarget(target)).fuzz(bytes)
  })
}

t.test('a crash file is read as it was written', t => {
  const folder = t.testdir()
  const crash = { target: 'huffman', about: 'two\nlines', bytes: Buffer.alloc(70, 0xab) }
  const path = writeCrash(folder, crash)
  t.same(readCrash(path), crash)
  t.same(crashFiles(folder), [path])
  t.end()
})
