/**
 * Builds `dist` out of `src`, twice:
 *
 * - `dist` has ES modules with source maps; Node takes them for `import` and for `require`.
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
import { typescript } from './typescript.mjs'

const CONFIG = 'tsconfig.build.json'
const ROOT = 'src'
const OUT = 'dist'
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
  const outputs = [join(OUT, `${name}.js`)]
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

for (const path of filesBelow(OUT, '')) {
  if (!written.has(resolve(OUT, path))) rmSync(join(OUT, path))
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
    join(OUT, `${name}.js`),
    file,
    transpile(file, source, { module: ts.ModuleKind.ESNext }),
  )
}

/** Without a source map: its source is not in the package. */
function writeProgram(name, file, source) {
  const how = { module: ts.ModuleKind.ESNext, sourceMap: false }
  write(join(OUT, `${name}.js`), tabbed(transpile(file, source, how).outputText))
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
  const mappings = lineMappings(outputText, text, JSON.parse(sourceMapText))
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
 * The mappings of a source map for `text`, which is `compiled` with another indentation. One for each
 * line, which is what stack traces and breakpoints need: those of each word are a megabyte.
 */
function lineMappings(compiled, text, payload) {
  const map = new SourceMap(payload)
  const from = { line: 0, column: 0 }
  const columns = text.split('\n').map(indentation)
  return compiled
    .split('\n')
    .map((line, at) => {
      const { originalLine, originalColumn, generatedLine } = map.findEntry(at, indentation(line))
      if (originalLine === undefined || generatedLine !== at) return ''
      const numbers = [columns[at], 0, originalLine - from.line, originalColumn - from.column]
      Object.assign(from, { line: originalLine, column: originalColumn })
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
