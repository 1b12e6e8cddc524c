/**
 * Builds `dist` out of `src`, twice:
 *
 * - `dist` has ES modules with source maps; Node takes them for `import` and for `require`. Each module that
 *   has to be found, read and linked costs about a millisecond, and there are hundreds: what doors share lies
 *   in a few chunks (`dist/chunks`). Nothing is minified, and bundlers can drop what is not used.
 * - `dist/cjs` has CommonJS for what knows no `module-sync`: Jest, older bundlers. It also has all
 *   declarations. Those of the ES modules re-export them, so that both are the same types.
 *
 * JavaScript has no comments and is indented by tabs, which makes it a fifth smaller. What has not
 * changed is not made again; what no source makes any more is removed.
 *
 *     npm run build
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { build as esbuild } from 'esbuild'
import { typescript } from './typescript.mjs'

const CONFIG = 'tsconfig.build.json'
const ROOT = 'src'
const OUT = 'dist'
/** ES modules, one for each source: what chunks are made of. */
const MODULES = '.build/modules'
const TYPES = 'dist/cjs'
/** Where the compiler puts declarations, those of programs too, and remembers what it has done. */
const ALL_TYPES = '.build/declarations'

/** Programs, and what only they use: Node starts them, and nobody imports them. */
const PROGRAMS = /^(cli|codegen)\//

/**
 * Engines of registries and brokers: most users need one of them, or none. Their code is there, their
 * sources and source maps would be a fifth of the package.
 */
const ENGINES = /^(registry|broker)\//

/** What CommonJS has instead. */
const IMPORT_META = [
  [
    /import\.meta\.resolve\(([^()]*)\)/g,
    'require("node:url").pathToFileURL(require.resolve($1)).href',
  ],
  [/import\.meta\.url/g, 'require("node:url").pathToFileURL(__filename).href'],
]

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Base64 VLQ of source maps: five bits a digit, the sixth says that more follow. */
const MORE = 32

if (typescript(['-p', CONFIG]) !== 0) process.exit(1)

/** The compiler as a library takes half a second to load: only when a file has to be made again. */
let ts
const written = new Set()
const builderTime = statSync('scripts/build.mjs').mtimeMs
for (const name of filesBelow(ROOT)) {
  const file = join(ROOT, `${name}.ts`)
  const isProgram = PROGRAMS.test(name)
  const outputs = [join(MODULES, `${name}.js`)]
  if (!isProgram) outputs.push(join(TYPES, `${name}.js`))
  if (outputs.every(output => isNewer(output, file))) {
    for (const output of outputs) keep(output, isProgram || ENGINES.test(name))
  } else {
    ts ??= (await import('typescript')).default
    const source = readFileSync(file, 'utf8')
    writeModule(name, file, source)
    if (!isProgram) writeCommonJs(name, file, source)
  }
  if (!isProgram) {
    write(join(TYPES, `${name}.d.ts`), readFileSync(join(ALL_TYPES, `${name}.d.ts`), 'utf8'))
  }
}
write(join(TYPES, 'package.json'), '{ "type": "commonjs" }\n')
for (const door of Object.values(JSON.parse(readFileSync('package.json', 'utf8')).exports)) {
  if (typeof door === 'object') writeDoor(resolve(door.import.types), resolve(door.default.types))
}

await bundle()
for (const folder of [OUT, MODULES]) {
  for (const path of filesBelow(folder, '')) {
    if (!written.has(resolve(folder, path))) rmSync(join(folder, path))
  }
}

/** Makes doors, programs and what they share out of the modules. */
async function bundle() {
  const { bin, exports } = JSON.parse(readFileSync('package.json', 'utf8'))
  const doors = Object.values(exports).filter(door => typeof door === 'object')
  const paths = [...doors.map(door => door.import.default), ...Object.values(bin)]
  const { outputFiles } = await esbuild({
    entryPoints: paths.map(path => join(MODULES, relative(OUT, path))),
    outbase: MODULES,
    outdir: OUT,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[hash]',
    format: 'esm',
    target: 'es2022',
    platform: 'node',
    packages: 'external',
    charset: 'utf8',
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
  })
  const texts = new Map(outputFiles.map(({ path, text }) => [path, text]))
  for (const [path, bundled] of texts) {
    if (!path.endsWith('.js')) continue
    const text = named(bundled)
    const map = joinedMap(path, text, JSON.parse(texts.get(`${path}.map`)))
    if (map === undefined) write(path, text.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'))
    else {
      write(path, text)
      write(`${path}.map`, JSON.stringify(map))
    }
  }
}

/** A class that speaks of itself is called `_Metadata` within its chunk, and so in what users print. */
function named(text) {
  const names = [...text.matchAll(/^var (\w+) = class _\1 /gm)].map(([, name]) => name)
  return names.reduce(
    (result, name) => result.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name),
    text,
  )
}

/** A mapping for each line, to sources that are published; undefined where there is none. */
function joinedMap(path, text, payload) {
  const map = new SourceMap(payload)
  const sources = []
  const mappingOf = (line, at) => {
    const { originalSource, generatedLine, ...entry } = map.findEntry(at, indentation(line))
    if (originalSource === undefined || generatedLine !== at) return undefined
    const source = resolve(dirname(path), originalSource)
    const name = slashed(relative(ROOT, source))
    if (name.startsWith('..') || PROGRAMS.test(name) || ENGINES.test(name)) return undefined
    const known = sources.indexOf(source)
    return { ...entry, source: known < 0 ? sources.push(source) - 1 : known }
  }
  const mappings = lineMappings(text.split('\n'), mappingOf)
  if (sources.length === 0) return undefined
  const names = sources.map(source => slashed(relative(dirname(path), source)))
  return { version: 3, sources: names, names: [], mappings }
}

function slashed(path) {
  return path.replaceAll(sep, '/')
}

/** Names below a folder of the files that end so, without the end. */
function filesBelow(folder, end = '.ts') {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith(end))
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .map(name => name.slice(0, name.length - end.length))
}

/** Whether `output` was made of this source by this script. */
function isNewer(output, source) {
  const time = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return time > statSync(source).mtimeMs && time > builderTime
}

function keep(path, hasNoMap) {
  written.add(resolve(path))
  if (!hasNoMap) written.add(resolve(`${path}.map`))
}

/** Every file compiles by itself here. */
function transpile(fileName, source, how) {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    removeComments: true,
    sourceMap: true,
    ...how,
  }
  return ts.transpileModule(source, { compilerOptions, fileName })
}

function writeModule(name, file, source) {
  if (PROGRAMS.test(name) || ENGINES.test(name)) return writeProgram(name, file, source)
  // Every file is an ES module; alone, the compiler would have to ask package.json.
  writeMapped(
    join(MODULES, `${name}.js`),
    file,
    transpile(file, source, { module: ts.ModuleKind.ESNext }),
  )
}

/** Without a source map: its source is not in the package. */
function writeProgram(name, file, source) {
  const how = { module: ts.ModuleKind.ESNext, sourceMap: false }
  write(join(MODULES, `${name}.js`), tabbed(transpile(file, source, how).outputText))
}

function writeCommonJs(name, file, source) {
  const emitted = transpile(file, source, {
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    verbatimModuleSyntax: false,
  })
  const outputText = IMPORT_META.reduce(
    (text, [from, to]) => text.replace(from, to),
    emitted.outputText,
  )
  if (outputText.includes('import.meta')) {
    console.error(`${file}: in CommonJS there is import.meta.url and import.meta.resolve(...) only`)
    process.exit(1)
  }
  const path = join(TYPES, `${name}.js`)
  if (ENGINES.test(name))
    write(path, tabbed(outputText.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n')))
  else writeMapped(path, file, { ...emitted, outputText })
}

/** The map names the source, which is published too. */
function writeMapped(path, file, { outputText, sourceMapText }) {
  const text = tabbed(outputText)
  const sources = [relative(dirname(path), file).replaceAll(sep, '/')]
  const map = new SourceMap(JSON.parse(sourceMapText))
  const compiled = outputText.split('\n')
  const mappings = lineMappings(text.split('\n'), (_, at) => {
    const entry = map.findEntry(at, indentation(compiled[at]))
    return entry.originalLine === undefined || entry.generatedLine !== at ? undefined : entry
  })
  write(path, text)
  write(`${path}.map`, JSON.stringify({ version: 3, sources, names: [], mappings }))
}

/** The declarations of one door as an ES module: those of CommonJS. */
function writeDoor(path, target) {
  const from = relative(dirname(path), target)
    .replaceAll(sep, '/')
    .replace(/\.d\.ts$/, '.js')
  write(path, `export * from '${from.startsWith('.') ? from : `./${from}`}';\n`)
}

function write(path, text) {
  written.add(resolve(path))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** The compiler indents by four spaces. Lines that begin within a template are text, not indentation. */
function tabbed(text) {
  const templates = []
  const visit = node => {
    if (ts.isTemplateLiteral(node)) templates.push(node)
    else ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('compiled.js', text, ts.ScriptTarget.ES2022))
  return text.replace(/^(?: {4})+/gm, (spaces, start) =>
    templates.some(node => node.pos < start && start < node.end)
      ? spaces
      : '\t'.repeat(spaces.length / 4),
  )
}

/**
 * The mappings of a source map, one for each line, which is what stack traces and breakpoints need: those of
 * each word are a megabyte. `mappingOf` tells where a line comes from, or nothing.
 */
function lineMappings(lines, mappingOf) {
  const from = { line: 0, column: 0, source: 0 }
  return lines
    .map((line, at) => {
      const mapping = mappingOf(line, at)
      if (mapping === undefined) return ''
      const { source = 0, originalLine, originalColumn } = mapping
      const numbers = [
        indentation(line),
        source - from.source,
        originalLine - from.line,
        originalColumn - from.column,
      ]
      Object.assign(from, { line: originalLine, column: originalColumn, source })
      return numbers.map(vlq).join('')
    })
    .join(';')
}

function indentation(line) {
  return /^\s*/.exec(line)[0].length
}

function vlq(number) {
  let text = ''
  let rest = number < 0 ? (-number << 1) | 1 : number << 1
  do {
    const digit = rest & (MORE - 1)
    rest >>= 5
    text += DIGITS[rest > 0 ? digit | MORE : digit]
  } while (rest > 0)
  return text
}
