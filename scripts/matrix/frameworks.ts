import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeJavaScriptProject } from './consumers.js'
import { install, type Row, rowOf, run } from './folder.js'

interface Framework {
  readonly packages: Readonly<Record<string, string>>
  readonly type: 'module' | 'commonjs'
  readonly test: string
  /** Arguments of node; the first that ends in `js` is in node_modules. */
  readonly args: readonly string[]
}

const TEST = `test('microwire', async () => {
  expect(await run()).toEqual(EXPECTED)
}, 60_000)
`
const REQUIRES = `const { run, EXPECTED } = require('./program.js')\n\n${TEST}`
const IMPORTS = `import { run, EXPECTED } from './program.js'\n\n${TEST}`

const JEST_ARGS = ['jest/bin/jest.js', '--testEnvironment=node', '--ci']
/** Without Babel: Node has had everything that it would translate. */
const JEST = [...JEST_ARGS, '--transform={}']

function jest(version: string): Readonly<Record<string, Framework>> {
  const packages = { jest: version }
  const name = `Jest ${version.split('.')[0]}`
  return {
    [`${name}, CommonJS`]: { packages, type: 'commonjs', test: REQUIRES, args: JEST },
    [`${name}, CommonJS with Babel`]: {
      packages,
      type: 'commonjs',
      test: REQUIRES,
      args: JEST_ARGS,
    },
    [`${name}, ESM`]: {
      packages,
      type: 'module',
      test: IMPORTS,
      args: ['--experimental-vm-modules', ...JEST],
    },
  }
}

const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  ...jest('29.7.0'),
  ...jest('30.5.2'),
  'Vitest 4': {
    packages: { vitest: '4.1.12' },
    type: 'module',
    test: `import { expect, test } from 'vitest'\n${IMPORTS}`,
    args: ['vitest/vitest.mjs', 'run', '--reporter=dot'],
  },
}

/** Runs the program as a test of each framework. */
export async function* frameworkRows(
  root: string,
  packages: Readonly<Record<string, string>>,
): AsyncGenerator<Row> {
  for (const [name, { packages: tools, type, test, args }] of Object.entries(FRAMEWORKS)) {
    const folder = join(root, 'frameworks', Object.entries(tools).flat().join('-'))
    await install(folder, { ...packages, ...tools })
    const project = join(folder, name)
    writeJavaScriptProject(project, type)
    writeFileSync(join(project, 'program.test.js'), test)
    const at = args.findIndex(arg => /js$/.test(arg))
    const command = args.map((arg, i) => (i === at ? join(folder, 'node_modules', arg) : arg))
    const outcome = await run(process.execPath, command, project)
    yield rowOf('test frameworks', name, outcome, '1 passed')
  }
}
