import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { COMPILERS } from './compilers.js'
import { install, type Row, rowOf, run } from './folder.js'

/** Everything that a compiler can be told to be strict about. */
const STRICTEST = {
  target: 'es2022',
  module: 'nodenext',
  lib: ['es2023'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  declaration: true,
  skipLibCheck: false,
  outDir: 'out',
}
/** Since 5.5, and 5.8. */
const ISOLATED = { isolatedDeclarations: true }
const ERASABLE = { erasableSyntaxOnly: true }

const PROGRAM = `import { type Thing, Thing as ThingType, Things, type ThingsHandler } from './everything_mw.js'
import { createServer } from 'microwire'
export const handlers: Partial<ThingsHandler> = { get: (thing: Thing) => ({ id: thing.id, which: { case: 'one', value: 'x' } }) }
export function which({ which }: Thing): string | number {
  if (which === undefined) return 0
  switch (which.case) {
    case 'one': return which.value.length
    case 'two': return which.value.kind
    case 'three': return which.value
  }
}
createServer({ name: 'things' }).handle(Things, {
  get: thing => thing, async *list() {}, put: () => ({}), async *talk(things) { yield* things },
})
console.log('id', (ThingType.decode(ThingType.encode({ id: 'as it was' }))).id)
`
const EXPECTED = 'id as it was'

/** What the generator makes of test/generate/fixtures, by each compiler under the strictest flags; then it runs. */
export async function* generatedRows(
  root: string,
  packages: Readonly<Record<string, string>>,
): AsyncGenerator<Row> {
  const folder = join(root, 'generated')
  const compilers = Object.entries(COMPILERS).map(([name, version]) => [
    `typescript-${name}`,
    `npm:typescript@${version}`,
  ])
  const types = { '@types/node': '20.19.43' }
  await install(folder, { ...packages, ...types, ...Object.fromEntries(compilers) })
  const fixture = resolve('test/generate/fixtures/everything.proto')
  for (const compiler of Object.keys(COMPILERS)) {
    const project = join(folder, compiler)
    mkdirSync(project, { recursive: true })
    const program = join(folder, 'node_modules/microwire/dist/cli/microwire.js')
    const made = await run(process.execPath, [program, 'generate', '-o', '.', fixture], project)
    writeFileSync(join(project, 'package.json'), '{"type": "module"}\n')
    writeFileSync(join(project, 'main.ts'), PROGRAM)
    const version = Number(compiler)
    const flags = { ...STRICTEST, ...(version >= 5.5 && ISOLATED), ...(version >= 5.8 && ERASABLE) }
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: flags, include: ['*.ts'] }),
    )
    const bin = join(folder, `node_modules/typescript-${compiler}/bin/tsc`)
    const compiled =
      made.exitCode === 0 ? await run(process.execPath, [bin, '-p', '.'], project) : made
    const row = ['generated', `generated code, TypeScript ${compiler}`] as const
    if (compiled.exitCode !== 0) yield rowOf(...row, compiled, EXPECTED)
    else yield rowOf(...row, await run(process.execPath, ['out/main.js'], project), EXPECTED)
  }
}
