import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXPECTED, writeJavaScriptProject } from './consumers.js'
import { install, type Row, rowOf, run } from './folder.js'

interface Bundler {
  readonly packages: Readonly<Record<string, string>>
  /** Written beside the program. */
  readonly files?: Readonly<Record<string, string>>
  /** Arguments of node: from node_modules of the folder. */
  readonly args: readonly string[]
  readonly output: string
}

const ESBUILD = { esbuild: '0.28.2' }
const ESBUILD_ARGS = ['main.js', '--bundle', '--platform=node', '--log-level=warning']
const ROLLUP = {
  rollup: '4.68.8',
  '@rollup/plugin-commonjs': '29.0.3',
  '@rollup/plugin-json': '6.1.0',
  '@rollup/plugin-node-resolve': '16.0.3',
}

/** Everything is in the bundle, protobufjs too. */
const BUNDLERS: Readonly<Record<string, Bundler>> = {
  'esbuild 0.28, ESM': {
    packages: ESBUILD,
    args: ['esbuild/bin/esbuild', ...ESBUILD_ARGS, '--format=esm', '--outfile=bundle.mjs'],
    output: 'bundle.mjs',
  },
  'esbuild 0.28, CommonJS': {
    packages: ESBUILD,
    args: ['esbuild/bin/esbuild', ...ESBUILD_ARGS, '--format=cjs', '--outfile=bundle.cjs'],
    output: 'bundle.cjs',
  },
  'rollup 4, ESM': {
    packages: ROLLUP,
    files: { 'rollup.config.mjs': rollupConfig('es') },
    args: ['rollup/dist/bin/rollup', '-c', 'rollup.config.mjs', '--silent'],
    output: 'bundle.mjs',
  },
  'rollup 4, CommonJS': {
    packages: ROLLUP,
    files: { 'rollup.config.mjs': rollupConfig('cjs') },
    args: ['rollup/dist/bin/rollup', '-c', 'rollup.config.mjs', '--silent'],
    output: 'bundle.cjs',
  },
  'webpack 5': {
    packages: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    files: {
      'webpack.config.cjs': `module.exports = {
  mode: 'production', target: 'node20', entry: './main.js',
  output: { path: __dirname, filename: 'bundle.cjs' },
}`,
    },
    args: ['webpack-cli/bin/cli.js', '--config', 'webpack.config.cjs'],
    output: 'bundle.cjs',
  },
  'vite 8, ssr': {
    packages: { vite: '8.4.0' },
    files: {
      'vite.config.mjs': `export default {
  logLevel: 'error',
  ssr: { noExternal: true },
  build: { ssr: 'main.js', outDir: 'bundled', rollupOptions: { output: { entryFileNames: 'bundle.mjs' } } },
}`,
    },
    args: ['vite/bin/vite.js', 'build'],
    output: 'bundled/bundle.mjs',
  },
}

function rollupConfig(format: 'es' | 'cjs'): string {
  return `import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import resolve from '@rollup/plugin-node-resolve'
export default {
  input: 'main.js',
  output: { file: 'bundle.${format === 'es' ? 'm' : 'c'}js', format: '${format}', inlineDynamicImports: true },
  plugins: [resolve({ preferBuiltins: true }), commonjs(), json()],
}
`
}

/** Bundles the program with protobufjs inside, takes node_modules away, and runs it. */
export async function* bundlerRows(
  root: string,
  packages: Readonly<Record<string, string>>,
): AsyncGenerator<Row> {
  for (const [name, { packages: tools, files = {}, args, output }] of Object.entries(BUNDLERS)) {
    const folder = join(root, 'bundlers', name)
    await install(folder, { ...packages, ...tools })
    writeJavaScriptProject(folder, 'module')
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
    const [bin, ...rest] = args
    // esbuild's program is no JavaScript once its package is installed.
    const tool = join(folder, 'node_modules', bin!)
    const isNative = bin!.startsWith('esbuild')
    const built = isNative
      ? await run(tool, rest, folder)
      : await run(process.execPath, [tool, ...rest], folder)
    if (built.exitCode !== 0) {
      yield rowOf('bundlers', name, built, EXPECTED)
      continue
    }
    rmSync(join(folder, 'node_modules'), { recursive: true })
    yield rowOf('bundlers', name, await run(process.execPath, [output], folder), EXPECTED)
  }
}
