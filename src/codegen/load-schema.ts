import { BUNDLED_FILES } from './descriptor/bundled-files-table.js'
import type { FileDescriptorProto } from './descriptor/descriptor-table.js'
import { parseFile } from './parse/parse-file.js'
import { GenerateError } from './schema/generate-options.js'
import { link } from './schema/link.js'

/** The text of a file by the name it is imported by; undefined where there is none. */
export type ReadFile = (name: string) => string | undefined

/**
 * The files of a schema, and all that they import, each behind its imports: what protoc hands to a plugin.
 * Custom options are not kept.
 *
 * @throws GenerateError that names file, line and column
 */
export function loadSchema(names: readonly string[], read: ReadFile): FileDescriptorProto[] {
  const files: FileDescriptorProto[] = []
  const open: string[] = []
  const seen = new Set<string>()
  const load = (name: string, importer: string | undefined): void => {
    if (open.includes(name)) {
      throw new GenerateError(
        `${[...open, name].join(' imports ')}: files cannot import each other`,
      )
    }
    if (seen.has(name)) return
    seen.add(name)
    const text =
      read(name) ?? (Object.hasOwn(BUNDLED_FILES, name) ? BUNDLED_FILES[name] : undefined)
    if (text === undefined) {
      const who = importer === undefined ? '' : `${importer} imports ${name}: `
      throw new GenerateError(`${who}there is no file ${name} in any of the folders (-I)`)
    }
    const file = parseFile(name, text)
    open.push(name)
    for (const dependency of [...file.dependency, ...file.optionDependency]) load(dependency, name)
    open.pop()
    files.push(file)
  }
  for (const name of names) load(name, undefined)
  link(files)
  return files
}
