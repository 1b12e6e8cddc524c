import { join } from 'node:path'
import { EXPECTED, isOffered, RESOLUTIONS, writeTypeScriptProject } from './consumers.js'
import { install, type Row, rowOf, run } from './folder.js'

/** Pinned, so that the same commit gives the same result. */
export const COMPILERS: Readonly<Record<string, string>> = {
  '5.4': '5.4.5',
  '5.5': '5.5.4',
  '5.6': '5.6.3',
  '5.7': '5.7.3',
  '5.8': '5.8.3',
  '5.9': '5.9.3',
  '6.0': '6.0.3',
  '7.0': '7.0.2',
}

/** Each compiler with each way of finding modules, without skipLibCheck: compiles the program, and runs it. */
export async function* compilerRows(
  root: string,
  packages: Readonly<Record<string, string>>,
): AsyncGenerator<Row> {
  const folder = join(root, 'compilers')
  const compilers = Object.entries(COMPILERS).map(([name, version]) => [
    `typescript-${name}`,
    `npm:typescript@${version}`,
  ])
  const types = { '@types/node': '20.19.43' }
  await install(folder, { ...packages, ...types, ...Object.fromEntries(compilers) })
  for (const compiler of Object.keys(COMPILERS)) {
    for (const [name, resolution] of Object.entries(RESOLUTIONS)) {
      if (!isOffered(compiler, name)) continue
      const project = join(folder, `${compiler} ${name}`)
      writeTypeScriptProject(project, compiler, resolution)
      const bin = join(folder, `node_modules/typescript-${compiler}/bin/tsc`)
      const compiled = await run(process.execPath, [bin, '-p', '.'], project)
      const row = ['compilers', `TypeScript ${compiler}, ${name}`] as const
      if (compiled.exitCode !== 0) yield rowOf(...row, compiled, EXPECTED)
      else yield rowOf(...row, await run(process.execPath, ['out/main.js'], project), EXPECTED)
    }
  }
}
