import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const PROGRAM = `import { pathToFileURL } from 'node:url'
import { root } from './.build/scripts/matrix/short-tap.js'
await import(pathToFileURL(process.argv[2]).href)
await root.finish()
process.exit()
`

/** The compiled tests in `folder`, with `tap` replaced by the part of it that runs everywhere. */
export async function makeShortForm(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'tap'), { recursive: true })
  for (const part of ['src', 'test', 'scripts', 'examples', 'bench', 'fuzz', 'interop']) {
    cpSync(join('.build', part), join(folder, '.build', part), { recursive: true })
  }
  cpSync('package.json', join(folder, 'package.json'))
  // Tests read what lies beside the compiled ones: schemas, documents, sources.
  for (const name of ['README.md', 'docs', 'test', 'src', 'scripts', 'examples']) {
    symlinkSync(resolve(name), join(folder, name))
  }
  for (const name of readdirSync('node_modules')) {
    if (name !== 'tap') symlinkSync(resolve('node_modules', name), join(modules, name))
  }
  const manifest = { name: 'tap', type: 'module', exports: './index.js' }
  writeFileSync(join(modules, 'tap/package.json'), JSON.stringify(manifest))
  const short = "export { root as default } from '../../.build/scripts/matrix/short-tap.js'\n"
  writeFileSync(join(modules, 'tap/index.js'), short)
  writeFileSync(join(folder, 'run.mjs'), PROGRAM)
  return folder
}
