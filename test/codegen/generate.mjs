// Runs every generator over proto/echo.proto, into .cache, unless that is done already.
//
//   npm ci --prefix test/codegen && node test/codegen/generate.mjs

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const CACHE = join(HERE, '.cache')
const STAMP = join(CACHE, 'stamp')
const BIN = join(HERE, 'node_modules', '.bin')

/** Folder below .cache/src, protoc plugin and its options. */
const PLUGINS = [
  ['ts-proto-grpc-js', 'ts_proto', 'outputServices=grpc-js,esModuleInterop=true,env=node,forceLong=bigint'],
  ['ts-proto-generic', 'ts_proto', 'outputServices=generic-definitions,esModuleInterop=true,forceLong=bigint'],
  ['ts-proto-nice-grpc', 'ts_proto', 'outputServices=nice-grpc,outputServices=generic-definitions,esModuleInterop=true,forceLong=bigint'],
  ['protobuf-ts', 'ts', 'server_grpc1,client_generic,long_type_bigint'],
  ['protobuf-es', 'es', 'target=ts,import_extension=none'],
]

function run(command, args) {
  execFileSync(command, args, { cwd: HERE, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Not .bin/protoc: two packages want that name, and the other one downloads. */
function protoc(args) {
  run(process.execPath, [join(HERE, 'node_modules', 'protoc', 'protoc.cjs'), ...args])
}

function stamp() {
  const hash = createHash('sha256')
  for (const name of ['generate.mjs', 'package-lock.json', 'tsconfig.json', 'proto/echo.proto']) {
    hash.update(readFileSync(join(HERE, name)))
  }
  return hash.digest('hex')
}

function generate() {
  rmSync(CACHE, { recursive: true, force: true })
  for (const [folder, plugin, options] of PLUGINS) {
    const out = join(CACHE, 'src', folder)
    mkdirSync(out, { recursive: true })
    protoc([
      `--plugin=protoc-gen-${plugin}=${join(BIN, `protoc-gen-${plugin}`)}`,
      `--${plugin}_out=${out}`,
      `--${plugin}_opt=${options}`,
      '--proto_path=proto',
      'proto/echo.proto',
    ])
  }
  const require = createRequire(import.meta.url)
  const loader = createRequire(join(HERE, '..', '..', 'package.json')).resolve('@grpc/proto-loader/package.json')
  run(process.execPath, [
    join(dirname(loader), 'build', 'bin', 'proto-loader-gen-types.js'), '--grpcLib=@grpc/grpc-js', '--defaults',
    '--longs=String', `--outDir=${join(CACHE, 'src', 'proto-loader')}`, 'proto/echo.proto',
  ])
  // The output is compiled, not checked: its types are checked through typed.ts.
  const root = createRequire(join(HERE, '..', '..', 'package.json'))
  run(process.execPath, [join(dirname(root.resolve('typescript/package.json')), 'bin', 'tsc'), '-p', 'tsconfig.json'])
  const out = join(CACHE, 'out')
  mkdirSync(join(out, 'pbjs-static'), { recursive: true })
  writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n')
  const pbjs = join(dirname(require.resolve('protobufjs-cli/package.json')), 'bin', 'pbjs')
  run(process.execPath, [
    pbjs, '--target', 'static-module', '--wrap', 'commonjs',
    '--out', join(out, 'pbjs-static', 'echo.js'), 'proto/echo.proto',
  ])
  protoc([
    '--include_imports', `--descriptor_set_out=${join(out, 'echo.binpb')}`,
    '--proto_path=proto', 'proto/echo.proto',
  ])
  writeFileSync(STAMP, stamp())
}

if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== stamp()) generate()
