/**
 * `docs/reference.md`: every export of every entry point, from the doc comments.
 *
 *     node .build/scripts/reference-page.js > docs/reference.md
 */
import { readFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { commentOf, hasTag, publicMembers } from './doc-comments.js'

/** One export of one entry point. */
export interface Export {
  /** As users import it: `microwire/frame`. */
  readonly entry: string
  readonly name: string
  readonly kind: string
  /** The file that declares it, from the root. */
  readonly path: string
  readonly text: string
  readonly throws: readonly string[]
  readonly isInternal: boolean
}

const ENTRIES = entryPoints()

/** Entry points by the name that users import, with their sources. */
function entryPoints(): Map<string, string> {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    exports: Record<string, unknown>
  }
  const found = new Map<string, string>()
  for (const [name, target] of Object.entries(exports)) {
    const path = /"\.\/dist\/(?:cjs\/|esm\/)?([\w/-]+)\.js"/.exec(JSON.stringify(target))?.[1]
    if (path !== undefined) found.set(`microwire${name.slice(1)}`, `src/${path}.ts`)
  }
  return found
}

/** What users handle most: their members are explained here as well. */
export const EXPLAINED = [
  'Context',
  'Server',
  'Client',
  'MiddlewareCall',
  'ResponseStream',
  'MessageStream',
  'Metadata',
  'GrpcError',
] as const

/** Everything that the package exports, entry point by entry point. */
export function packageExports(): Export[] {
  return [...ENTRIES].flatMap(([entry, path]) =>
    exportLinks(path).map(({ name, from }) => exportOf(entry, name, from)),
  )
}

/** A name that a module exports, and the file it takes it from. */
interface ExportLink {
  readonly name: string
  readonly from: string
}

/** What an `index.ts` exports: it declares nothing, and names everything. */
function exportLinks(path: string): ExportLink[] {
  const links: ExportLink[] = []
  for (const statement of parsed(path).statements) {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) continue
    const target = (statement.moduleSpecifier as ts.StringLiteral).text.replace(/js$/, 'ts')
    const clause = statement.exportClause
    if (clause === undefined || !ts.isNamedExports(clause)) throw new Error(`${path}: export *`)
    const from = join(dirname(path), target).split(sep).join('/')
    for (const element of clause.elements) links.push({ name: element.name.text, from })
  }
  return links
}

function exportOf(entry: string, name: string, from: string): Export {
  const link = exportLinks(from).find(each => each.name === name)
  if (link !== undefined) return exportOf(entry, name, link.from)
  const declarations = declarationsOf(from, name)
  if (declarations.length === 0) throw new Error(`${from} declares no ${name}`)
  // A value and a type may share a name, and a function have several shapes: one of them is explained.
  const explained = declarations.find(node => commentOf(node).text !== '') ?? declarations[0]!
  return {
    entry,
    name,
    kind: kindOf(declarations[0]!),
    path: from,
    isInternal: declarations.some(node => hasTag(node, 'internal')),
    ...commentOf(explained),
  }
}

function declarationsOf(path: string, name: string): ts.Declaration[] {
  return parsed(path).statements.flatMap((statement): ts.Declaration[] => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.filter(each => each.name.getText() === name)
    }
    const declaration = statement as ts.Node as ts.DeclarationStatement
    return declaration.name?.text === name ? [declaration] : []
  })
}

const sources = new Map<string, ts.SourceFile>()

function parsed(path: string): ts.SourceFile {
  const known = sources.get(path)
  if (known !== undefined) return known
  const text = readFileSync(path, 'utf8')
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
  sources.set(path, source)
  return source
}

function kindOf(node: ts.Declaration): string {
  if (ts.isFunctionDeclaration(node)) return 'function'
  if (ts.isClassDeclaration(node)) return 'class'
  if (ts.isInterfaceDeclaration(node)) return 'interface'
  return ts.isTypeAliasDeclaration(node) ? 'type' : 'constant'
}

/** The entry point whose table explains an export: the main one, that of its folder, or the first. */
function homeOf({ name, path }: Export, all: readonly Export[]): string {
  const entries = all.filter(each => each.name === name && each.path === path)
  const own = entries.find(({ entry }) => {
    const folder = ENTRIES.get(entry)!.replace(/index\.ts$/, '')
    return entry !== 'microwire' && path.startsWith(folder)
  })
  const main = entries.find(({ entry }) => entry === 'microwire')
  return (main ?? own ?? entries[0]!).entry
}

/** The whole page. */
export function referencePage(all: readonly Export[] = packageExports()): string {
  const sections = [...ENTRIES.keys()].map(entry => sectionOf(entry, all))
  return `# Reference

Every export of every entry point, with the errors it throws. Options, with their defaults and units, are in [options.md](options.md), the limits of a connection
in [limits.md](limits.md), error codes in [errors.md](errors.md). At the end are the members of \`Context\` and other types that you use most. For all signatures and members, use the types of the package, or run \`npm run docs\`: TypeDoc writes the
full API reference to \`.build/api\`.

This page is generated from the doc comments of the source by \`scripts/reference-page.ts\`, and a test compares them.

${sections.join('\n')}
${EXPLAINED.map(name => membersOf(all.find(each => each.name === name)!)).join('\n')}`
}

function membersOf({ name, path }: Export): string {
  const rows = publicMembers(path, name).map(member => {
    const throws = cell(member.throws.join('; '))
    return `| \`${member.name}\` | ${cell(member.text)} | ${throws} |`
  })
  const head = ['| member | meaning | throws |', '| --- | --- | --- |']
  return [`## Members of ${name}`, '', ...head, ...rows, ''].join('\n')
}

function sectionOf(entry: string, all: readonly Export[]): string {
  const own: string[] = []
  const others = new Map<string, string[]>()
  for (const each of all.filter(each => each.entry === entry)) {
    const home = homeOf(each, all)
    if (home === entry) own.push(rowOf(each))
    else others.set(home, [...(others.get(home) ?? []), `\`${each.name}\``])
  }
  const again = [...others].map(
    ([home, names]) => `Also exported, see [${home}](#${anchor(home)}): ${names.join(', ')}.\n`,
  )
  const head = ['| export | kind | meaning | throws |', '| --- | --- | --- | --- |']
  return [`## ${entry}`, '', ...head, ...own, '', ...again].join('\n')
}

function rowOf({ name, kind, text, throws }: Export): string {
  return `| \`${name}\` | ${kind} | ${cell(text)} | ${cell(throws.join('; '))} |`
}

function anchor(entry: string): string {
  return entry.replaceAll('/', '')
}

/** A cell is one line; a \`{@link name}\` has no page here. */
function cell(text: string): string {
  return text.replace(/\{@link (\w+)\}/g, '`$1`').replaceAll('|', '\\|')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.chdir(join(import.meta.dirname, '..', '..'))
  process.stdout.write(referencePage())
}
