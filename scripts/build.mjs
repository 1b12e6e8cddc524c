/**
 * Builds `dist` out of `src`: types with their comments; JavaScript without them and indented by
 * tabs, which makes the package a fifth smaller; and nothing that no source makes any more.
 *
 *     npm run build
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const CONFIG = 'tsconfig.build.json'

const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: report }
const config = ts.getParsedCommandLineOfConfigFile(CONFIG, {}, host)
const outDir = config.options.outDir
const program = ts.createProgram(config.fileNames, config.options)

const faults = [...config.errors, ...ts.getPreEmitDiagnostics(program)]
for (const fault of faults) report(fault)
if (faults.length > 0) process.exit(1)

const written = new Set()
const emitted = program.emit(undefined, write, undefined, true)
for (const fault of emitted.diagnostics) report(fault)
if (emitted.emitSkipped) process.exit(1)
for (const file of config.fileNames) writeFileSync(...javaScript(file))
for (const file of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
  const path = join(file.parentPath, file.name)
  if (file.isFile() && !written.has(resolve(path))) rmSync(path)
}

/** Where the JavaScript of a source goes, and what it is: every file compiles by itself here. */
function javaScript(file) {
  const path = resolve(outDir, relative(config.options.rootDir, file).replace(/ts$/, 'js'))
  written.add(path)
  const { declaration, isolatedDeclarations, ...options } = config.options
  // Every file is an ES module; alone, the compiler would have to ask package.json.
  const compilerOptions = { ...options, module: ts.ModuleKind.ESNext, removeComments: true }
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
    compilerOptions,
    fileName: file,
  })
  return [path, tabbed(outputText)]
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

function write(path, text) {
  written.add(resolve(path))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function report(fault) {
  console.error(ts.formatDiagnostic(fault, ts.createCompilerHost({})).trimEnd())
}
